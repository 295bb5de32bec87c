package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// algorithms are those that a token may be signed with. All of them are
// asymmetric: a public key is never taken for a shared secret.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// keys are the keys that an issuer publishes. They are asked for when they are
// old and when a token names one that is not among them, but not more often
// than [fetchEvery].
type keys struct {
	url    string
	client *http.Client
	now    func() time.Time

	fetching sync.Mutex // held while they are asked for
	mu       sync.Mutex // guards what follows
	found    []jose.JSONWebKey
	at       time.Time // when they were found
	tried    time.Time // when they were asked for last
	failed   error     // what came of that
}

func newKeys(client *http.Client, address string, now func() time.Time) *keys {
	return &keys{url: address, client: client, now: now}
}

// fixedKeys are keys that were given to us. Errors: what is no set of public keys.
func fixedKeys(text []byte) (*keys, error) {
	found, err := parseKeys(text)
	return &keys{found: found}, err
}

// VerifySignature implements oidc.KeySet.
func (k *keys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, err
	}
	header := signed.Signatures[0].Header
	for _, key := range k.candidates(ctx, header) {
		if payload, err := signed.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	if err := k.problem(); err != nil {
		return nil, unavailable(err)
	}
	return nil, fmt.Errorf("no key %.80q of the issuer has signed the token with %s", header.KeyID, header.Algorithm)
}

// problem is why there are no keys at all, if there are none.
func (k *keys) problem() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.usable()) == 0 {
		return k.failed
	}
	return nil
}

// candidates returns the keys that may have signed what has this header.
func (k *keys) candidates(ctx context.Context, h jose.Header) []jose.JSONWebKey {
	found, fresh := k.named(h)
	if k.client == nil || fresh && len(found) > 0 {
		return found
	}
	k.fetching.Lock()
	defer k.fetching.Unlock()
	if k.due() {
		k.fetch(ctx)
	}
	found, _ = k.named(h)
	return found
}

// named returns the keys that fit a header, and whether they are fresh.
func (k *keys) named(h jose.Header) (fit []jose.JSONWebKey, fresh bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.usable() {
		if (h.KeyID == "" || key.KeyID == h.KeyID) && (key.Algorithm == "" || key.Algorithm == h.Algorithm) {
			fit = append(fit, key)
		}
	}
	return fit, k.client == nil || k.now().Sub(k.at) < keysFresh
}

// usable returns the keys that count; it is called with the lock.
func (k *keys) usable() []jose.JSONWebKey {
	if k.client != nil && k.now().Sub(k.at) >= keysKept {
		return nil
	}
	return k.found
}

// due reports whether the issuer may be asked now.
func (k *keys) due() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tried.IsZero() || k.now().Sub(k.tried) >= fetchEvery
}

func (k *keys) fetch(ctx context.Context) {
	found, err := k.read(context.WithoutCancel(ctx)) // for everybody who waits
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried, k.failed = k.now(), err
	if err == nil {
		k.found, k.at = found, k.tried
	}
}

func (k *keys) read(ctx context.Context) ([]jose.JSONWebKey, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := k.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the answer is %s", resp.Status)
	}
	var found []jose.JSONWebKey
	if err == nil {
		found, err = parseKeys(text)
	}
	if err != nil {
		return nil, fmt.Errorf("read the keys at %s: %w", k.url, err)
	}
	return found, nil
}

// parseKeys returns the public keys of a set that are for signatures. One of a
// kind that is not known is no reason to refuse the others.
func parseKeys(text []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("there are more than %d keys", maxKeys)
	}
	var found []jose.JSONWebKey
	for _, one := range set.Keys {
		var key jose.JSONWebKey
		if err := json.Unmarshal(one, &key); err != nil || !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
			continue
		}
		found = append(found, key)
	}
	if len(found) == 0 {
		return nil, errors.New("there is no public key for signatures")
	}
	return found, nil
}
