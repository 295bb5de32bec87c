package app

import (
	"fmt"
	"os"
	"strings"
	"time"

	"easel"
	"easel/internal/identity"
	"easel/internal/issuer"
)

// SSOProvider is an OpenID provider that people log in to, as the
// configuration file names it.
type SSOProvider struct {
	Name        string            `yaml:"name"`
	Issuer      string            `yaml:"issuer"`
	ClientID    string            `yaml:"client_id"`
	Scopes      []string          `yaml:"scopes,omitempty"` // none: profile
	Domain      string            `yaml:"domain,omitempty"` // "": the first one
	NameClaim   string            `yaml:"name_claim,omitempty"`
	GroupsClaim string            `yaml:"groups_claim,omitempty"`
	Groups      map[string]string `yaml:"groups,omitempty"`
	Others      string            `yaml:"others,omitempty"` // whom no group fits: refuse or allow
	Claims      map[string]string `yaml:"claims,omitempty"`
	Session     time.Duration     `yaml:"session,omitempty"`
}

// provider returns p in the form of package identity, checked.
func (p SSOProvider) provider(domain string) (identity.Provider, error) {
	claims, err := easel.ParseConditions(p.Claims)
	if err != nil {
		return identity.Provider{}, err
	}
	if p.Others != "" && p.Others != "refuse" && p.Others != "allow" {
		return identity.Provider{}, easel.E(easel.Invalid, "provider", "others: %.40q: want refuse or allow: may those log in who are in none of the groups?", p.Others)
	}
	if p.Domain != "" {
		domain = p.Domain
	}
	if len(p.Scopes) == 0 {
		p.Scopes = []string{"profile"}
	}
	secret := os.Getenv(p.secretVariable())
	q := identity.Provider{
		Name: p.Name, Client: issuer.Client{Issuer: p.Issuer, ID: p.ClientID, Secret: secret, Scopes: p.Scopes}, Domain: domain,
		NameClaim: p.NameClaim, GroupsClaim: p.GroupsClaim, Groups: p.Groups, Anybody: p.Others == "allow", Claims: claims, Session: p.Session,
	}
	return q, q.Check()
}

// secretVariable names the variable that has the client's secret: it is
// neither a flag nor in the file.
func (p SSOProvider) secretVariable() string {
	return "EASEL_SSO_" + strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_")) + "_SECRET"
}

// parseSSO checks the providers.
func (c *Config) parseSSO() error {
	names := map[string]bool{}
	for i, p := range c.SSO {
		q, err := p.provider(c.DomainName)
		if err == nil && names[p.Name] {
			err = fmt.Errorf("there are two providers called %s", p.Name)
		}
		if err != nil {
			return fmt.Errorf("sso[%d]: %w", i, err)
		}
		names[p.Name] = true
		c.providers = append(c.providers, q)
	}
	return nil
}
