package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"easel"
	"easel/internal/catalog"
	"easel/internal/human"
	"easel/internal/identity"
)

// Config is everything the server can be told. A value comes from its default,
// the configuration file, the environment (EASEL_ and the name in capitals) or
// a flag; the later wins.
type Config struct {
	Place `yaml:",inline"`

	Listen    string   `yaml:"listen" default:"127.0.0.1:8580" placeholder:"HOST:PORT" help:"Address to serve on; port 0 picks a free one (${default})."`
	PublicURL string   `yaml:"public_url" name:"public-url" placeholder:"URL" help:"Address that clients use, when a proxy stands in front."`
	HostAlias []string `yaml:"host_alias" name:"host-alias" placeholder:"HOST" help:"More registry hosts that image paths may name."`
	TLSCert   string   `yaml:"tls_cert" name:"tls-cert" placeholder:"FILE" help:"Certificate chain (PEM): serve HTTPS."`
	TLSKey    string   `yaml:"tls_key" name:"tls-key" placeholder:"FILE" help:"Its private key (PEM)."`

	ShutdownWait time.Duration `yaml:"shutdown_wait" default:"60s" help:"How long transfers may go on after the signal to stop (${default})."`
	LogFormat    string        `yaml:"log_format" enum:"text,json" default:"text" help:"text or json (${default})."`
	LogLevel     string        `yaml:"log_level" enum:"debug,info,warn,error" default:"info" help:"debug, info, warn or error (${default})."`
	Metrics      string        `yaml:"metrics" enum:"loopback,admin,public,off" default:"loopback" help:"Who may read /metrics besides administrators: loopback (callers on this machine), public, or admin for nobody else; off: not served (${default})."`

	LowSpace   Bytes         `yaml:"low_space" default:"64MiB" placeholder:"SIZE" help:"Free disk space below which pushes are refused and only deleting goes on (${default})."`
	UploadTTL  time.Duration `yaml:"upload_ttl" name:"upload-ttl" default:"24h" help:"How long an interrupted upload can be taken up again (${default})."`
	UnlinkWait time.Duration `yaml:"unlink_wait" default:"2s" help:"How long a deletion waits for its bytes to be off the disk (${default})."`
	PinFor     time.Duration `yaml:"pin_for" default:"15m" help:"How long content that a push was told about stays, when the push never ends (${default})."`
	MaxUploads int           `yaml:"max_uploads" default:"256" help:"Uploads that may receive bytes at the same time (${default})."`

	MachineAgents []string `yaml:"machine_agents" name:"machine-agents" default:"trivy,clair,grype,syft,anchore,snyk,dockle,skopeo,regsync,harbor,zot,renovate,dependabot,watchtower,diun,argocd-image-updater,flux" placeholder:"PART,…" help:"Clients whose pulls do not count as use, scanners and mirrors: parts of their User-Agent (${default})."`

	RateLimit          int      `yaml:"rate_limit" default:"1000" placeholder:"N" help:"Requests per second that one user may send for long, and 10 s of them at once; 0: any number (${default})."`
	AnonymousRateLimit int      `yaml:"anonymous_rate_limit" default:"200" placeholder:"N" help:"The same for one address from which nobody is logged in (${default})."`
	LockoutAfter       int      `yaml:"lockout_after" default:"10" placeholder:"N" help:"Failed log-ins of one user from one address after which the next must wait, longer each time; 0: never (${default})."`
	TrustedProxy       []string `yaml:"trusted_proxy" name:"trusted-proxy" placeholder:"CIDR" help:"Addresses of proxies whose X-Forwarded-For tells the client's address."`

	Quotas       `yaml:",inline" embed:""`
	KeyQuota     int   `yaml:"key_quota" default:"20" help:"Access keys per user (${default})."`
	MaxImageSize Bytes `yaml:"max_image_size" default:"0" placeholder:"SIZE" help:"Largest image that can be registered; 0: any."`
	Compat       bool  `yaml:"compat" help:"What the cloud does where Easel differs: 5 organisations, 2 access keys, 400 instead of 404 for a missing image."`

	HookAllow   []string `yaml:"hook_allow" name:"hook-allow" placeholder:"CIDR" help:"Networks that hooks may be delivered to although they are not public, such as 10.1.0.0/16."`
	IssuerAllow []string `yaml:"issuer_allow" name:"issuer-allow" placeholder:"CIDR" help:"Networks in which issuers of trusts may be although they are not public, such as 10.1.0.0/16."`

	ProjectID   string `yaml:"project_id" name:"project-id" placeholder:"ID" help:"Id of the first project, for a first start that must be reproducible."`
	ProjectName string `yaml:"project_name" default:"eu-de" help:"Name of the first project, and of the region (${default})."`
	DomainName  string `yaml:"domain_name" default:"easel" help:"Name of the first domain (${default})."`
	AdminName   string `yaml:"admin_name" default:"admin" help:"Name of the first administrator (${default})."`

	// Secrets have no flags: a command line is visible to everybody on the machine.
	AdminPassword  string `yaml:"-" kong:"-"`
	AdminAccessKey string `yaml:"-" kong:"-"`
	AdminSecretKey string `yaml:"-" kong:"-"`
	MasterKey      string `yaml:"-" kong:"-"`

	BuiltinImages []BuiltinImage `yaml:"builtin_images,omitempty" kong:"-"`

	SSO []SSOProvider `yaml:"sso,omitempty" kong:"-"`

	hookAllow   []netip.Prefix      // HookAllow, parsed
	issuerAllow []netip.Prefix      // IssuerAllow, parsed
	providers   []identity.Provider // SSO, parsed
}

// Bytes is a size with a unit.
type Bytes = human.Bytes

// Quotas bound domains, organisations and projects for which nothing else was set.
type Quotas struct {
	OrgQuota   int64 `yaml:"org_quota" default:"1000" help:"Organisations per domain, where no other number is set (${default})."`
	RepoQuota  int64 `yaml:"repo_quota" default:"0" help:"Repositories per organisation, where no other number is set; 0: any."`
	SpaceQuota Bytes `yaml:"space_quota" default:"0" placeholder:"SIZE" help:"Bytes per organisation, where no other number is set; 0: any."`
	ImageQuota int64 `yaml:"image_quota" default:"0" help:"Registered images per project, where no other number is set; 0: any."`
}

// quotas returns the bounds in the catalogue's form.
func (q Quotas) quotas() catalog.Quotas {
	return catalog.Quotas{Orgs: q.OrgQuota, Repos: q.RepoQuota, Space: int64(q.SpaceQuota), Images: q.ImageQuota}
}

// Place says where an installation keeps its data.
type Place struct {
	DataDir  string `yaml:"data_dir" default:"./easel-data" placeholder:"DIR" help:"Directory of the database, the blobs and the master key (${default})."`
	Database string `yaml:"database" placeholder:"URL" help:"sqlite:PATH (default: easel.db in the data directory) or postgres://…"`
	Blobs    string `yaml:"blobs" placeholder:"URL" help:"file:PATH (default: blobs in the data directory)."`
}

// BuiltinImage is an image that every project sees (images.md 2.5).
type BuiltinImage struct {
	Path               string   `yaml:"path"`
	Name               string   `yaml:"name,omitempty"`
	ShowName           string   `yaml:"show_name,omitempty"`
	ShowTag            string   `yaml:"show_tag,omitempty"`
	Description        string   `yaml:"description,omitempty"`
	Arch               string   `yaml:"arch,omitempty"`
	ResourceCategories []string `yaml:"resource_categories,omitempty"`
	Services           []string `yaml:"services,omitempty"`
	ServiceType        string   `yaml:"service_type,omitempty"`
}

// File is the configuration file of a command line, read once.
type File struct {
	values map[string]any
	config Config
}

// resolve reads the file that --config or EASEL_CONFIG names and gives its
// values to the flags that neither command line nor environment set. An empty
// variable counts as not set.
func (f *File) resolve(c *kong.Context) error {
	for _, flag := range c.Flags() {
		if path, _ := c.FlagValue(flag).(string); flag.Name == "config" && path != "" {
			if err := f.read(path); err != nil {
				return err
			}
		}
	}
	c.AddResolver(kong.ResolverFunc(f.value))
	return nil
}

// value returns what a flag is set to when it is not on the command line; nil
// leaves it to kong, which has applied environment and default.
func (f *File) value(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	emptied := false
	for _, name := range flag.Envs {
		value, set := os.LookupEnv(name)
		switch {
		case value != "" && emptied:
			return value, nil // kong took the empty one before it
		case value != "":
			return nil, nil
		}
		emptied = emptied || set
	}
	value, ok := f.values[strings.ReplaceAll(flag.Name, "-", "_")]
	if !ok && emptied && flag.HasDefault {
		return flag.Default, nil
	}
	return value, nil
}

// read checks the file against Config, strictly, and keeps its values.
func (f *File) read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return &fileError{fmt.Sprintf("read the configuration: %v", err)}
	}
	if err := yaml.UnmarshalWithOptions(text, &f.config, yaml.Strict()); err != nil {
		return &fileError{path + ": " + strings.TrimSpace(yaml.FormatError(err, false, true))}
	}
	if err := yaml.Unmarshal(text, &f.values); err != nil {
		return &fileError{path + ": " + yaml.FormatError(err, false, true)}
	}
	for name, value := range f.values {
		if _, isList := value.([]any); !isList {
			f.values[name] = fmt.Sprint(value)
		}
	}
	return nil
}

// fileError is a configuration file that cannot be used; help on flags would
// not help.
type fileError struct{ msg string }

// Error implements error.
func (e *fileError) Error() string { return e.msg }

// complete adds what has no flag, and the defaults that depend on others.
func (c *Config) complete(f *File) error {
	c.BuiltinImages, c.SSO = f.config.BuiltinImages, f.config.SSO
	c.AdminPassword = os.Getenv("EASEL_ADMIN_PASSWORD")
	c.AdminAccessKey = os.Getenv("EASEL_ADMIN_ACCESS_KEY")
	c.AdminSecretKey = os.Getenv("EASEL_ADMIN_SECRET_KEY")
	c.MasterKey = os.Getenv("EASEL_MASTER_KEY")
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key belong together: give both or none")
	case (c.AdminAccessKey == "") != (c.AdminSecretKey == ""):
		return errors.New("EASEL_ADMIN_ACCESS_KEY and EASEL_ADMIN_SECRET_KEY belong together: set both or none")
	case c.MaxUploads < 1:
		return errors.New("--max-uploads must be at least 1")
	case c.RateLimit < 0 || c.AnonymousRateLimit < 0 || c.LockoutAfter < 0:
		return errors.New("--rate-limit, --anonymous-rate-limit and --lockout-after must not be negative; 0 turns them off")
	case c.RepoQuota < 0 || c.ImageQuota < 0:
		return errors.New("--repo-quota and --image-quota must be at least 0")
	case c.OrgQuota < 1 || c.KeyQuota < 1:
		return errors.New("--org-quota and --key-quota must be at least 1")
	}
	var err error
	if c.hookAllow, err = networks("--hook-allow", c.HookAllow); err != nil {
		return err
	}
	if c.issuerAllow, err = networks("--issuer-allow", c.IssuerAllow); err != nil {
		return err
	}
	if err := c.parseSSO(); err != nil {
		return err
	}
	if c.Compat {
		c.OrgQuota, c.KeyQuota = 5, 2
	}
	if _, err := c.trusted(); err != nil {
		return err
	}
	return c.Place.complete()
}

// networks parses the networks that a flag names.
func networks(flag string, texts []string) (all []netip.Prefix, err error) {
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%s %.80q: want a network such as 10.1.0.0/16 or 10.1.2.3/32", flag, text)
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

// trusted returns the networks of proxies that are believed.
func (c *Config) trusted() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range c.TrustedProxy {
		network, err := easel.ParseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy %s: want an address or a network like 10.0.0.0/8", text)
		}
		all = append(all, network)
	}
	return all, nil
}

// lockout returns the configured number in the form of package identity.
func (c *Config) lockout() int {
	if c.LockoutAfter == 0 {
		return -1
	}
	return c.LockoutAfter
}

// complete fills in the places inside the data directory and refuses what is
// not supported.
func (p *Place) complete() error {
	if p.Database == "" {
		p.Database = "sqlite:" + p.DataDir + "/easel.db"
	}
	if p.Blobs == "" {
		p.Blobs = "file:" + p.DataDir + "/blobs"
	}
	switch scheme, _, _ := strings.Cut(p.Blobs, ":"); scheme {
	case "file":
	case "s3":
		return errors.New("--blobs s3://… is not supported by this version: use file:PATH, which may be a mounted volume")
	default:
		return fmt.Errorf("--blobs %s: want file:PATH", p.Blobs)
	}
	switch scheme, _, _ := strings.Cut(p.Database, ":"); scheme {
	case "sqlite", "postgres", "postgresql":
		return nil
	}
	return errors.New("--database: want sqlite:PATH or postgres://USER@HOST/NAME")
}

// blobPath is the directory of the blobs.
func (p *Place) blobPath() string { return strings.TrimPrefix(p.Blobs, "file:") }

// exists reports whether the data directory was ever used.
func (p *Place) exists() error {
	if _, err := os.Stat(p.DataDir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no data directory %s", p.DataDir)
	}
	return nil
}
