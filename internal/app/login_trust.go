package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"easel/internal/client"
)

// maxTokenFile bounds the file that a token is read from, in bytes.
const maxTokenFile = 64 << 10

// exchange fills in what the server gives for a machine's token.
func (c *loginCommand) exchange(ctx context.Context, p *profile) error {
	token := os.Getenv("EASEL_TOKEN")
	if c.TokenFile != "" {
		info, err := os.Stat(c.TokenFile)
		if err == nil && info.Size() > maxTokenFile {
			err = errors.New("the file is too large for a token")
		}
		var text []byte
		if err == nil {
			text, err = os.ReadFile(c.TokenFile)
		}
		if err != nil {
			return fmt.Errorf("read the token: %w", err)
		}
		token = string(text)
	}
	if token = strings.TrimSpace(token); token == "" {
		return errors.New("which token? --token-file FILE, or EASEL_TOKEN")
	}
	cl, err := client.New(p.Server, client.Credentials{})
	if err != nil {
		return err
	}
	defer cl.Close()
	var got struct {
		AccessKey   string `json:"access_key"`
		SecretKey   string `json:"secret_key"`
		ExpiresIn   int    `json:"expires_in"`
		ProjectID   string `json:"project_id"`
		ProjectName string `json:"project_name"`
	}
	_, err = cl.Do(ctx, client.Call{Method: http.MethodPost, Path: "/easel/v1/exchange", Out: &got, Form: url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
		"subject_token": {token}, "audience": {c.Trust},
	}})
	if refused := (*client.Error)(nil); errors.As(err, &refused) && refused.RequestID != "" {
		return fmt.Errorf("%w; request %s", err, refused.RequestID)
	}
	p.AccessKey, p.SecretKey, p.ProjectID, p.ProjectName = got.AccessKey, got.SecretKey, got.ProjectID, got.ProjectName
	p.Ends = time.Now().Add(time.Duration(got.ExpiresIn) * time.Second).UTC().Truncate(time.Second)
	return err
}
