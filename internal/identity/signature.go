package identity

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"easel"
	"easel/internal/catalog"
)

// MaxSkew is how far a signature's time may be from the server's (iam.md 8.5).
const MaxSkew = 15 * time.Minute

// MaxSignedBody is the largest body of a signed request in bytes (iam.md 8.5).
const MaxSignedBody = 12 << 20

const signingTime = "20060102T150405Z"

// SignedRequest is a request as it was on the wire: nothing decoded, nothing
// normalised.
type SignedRequest struct {
	Method   string
	RawPath  string // still percent-encoded
	RawQuery string // without "?"
	Host     string // with the port, if one was sent
	Header   map[string][]string
	// Body reads the body, once. It is called only for an access key that
	// exists; its errors are returned as they are.
	Body func() ([]byte, error)
}

func (r *SignedRequest) header(name string) []string {
	return r.Header[textproto.CanonicalMIMEHeaderKey(name)]
}

// one returns the only value of a header, "" when there is none, and false
// when there are several: what counts must not depend on who reads it.
func (r *SignedRequest) one(name string) (string, bool) {
	switch v := r.header(name); len(v) {
	case 0:
		return "", true
	case 1:
		return strings.TrimSpace(v[0]), true
	}
	return "", false
}

// Verify checks an access key's signature, plain or scoped (iam.md 8), and
// returns who made it, in the project that X-Project-Id names or else the
// region's own. Errors: Unauthenticated "signature format" for what cannot be
// understood, Unauthenticated "signature" for what does not hold, Denied
// "project" and "domain" for a context that is not the caller's, TooLarge "body",
// TooMany "lock-out".
func (s *Service) Verify(ctx context.Context, r SignedRequest) (easel.Principal, error) {
	a, at, err := r.parse()
	if err != nil {
		return easel.Principal{}, err
	}
	if now := s.now(); at.Sub(now).Abs() > MaxSkew {
		return easel.Principal{}, easel.E(easel.Unauthenticated, "signature", "signature expired, signature time:%s,server time:%s",
			at.Format(signingTime), now.Format(signingTime))
	}
	attempt := s.attempt(ctx, "signature", a.access)
	if err := attempt.early(); err != nil {
		return easel.Principal{}, err
	}
	owner, secret, err := s.signingKey(ctx, a.access, &r)
	if err == nil {
		err = comesFrom(ctx, owner.Key.Bound)
	}
	if err != nil {
		return easel.Principal{}, attempt.judge(hide(err, "signature", "verify aksk signature fail"))
	}
	body, err := r.Body()
	if err != nil {
		return easel.Principal{}, err
	}
	if len(body) > MaxSignedBody {
		return easel.Principal{}, easel.E(easel.TooLarge, "body", "the body of a signed request has at most %d bytes", MaxSignedBody)
	}
	err = r.checkPayload(a, body)
	if err == nil {
		err = r.checkMAC(a, at, secret, body)
	}
	if err != nil {
		err = badSignature(err)
	}
	if err := attempt.judge(err); err != nil {
		return easel.Principal{}, err
	}
	who, err := s.bind(ctx, owner, &r)
	if err != nil {
		return easel.Principal{}, err
	}
	s.used(ctx, owner.Key)
	return who, nil
}

// parse reads the headers that say how the request was signed.
func (r *SignedRequest) parse() (authorization, time.Time, error) {
	header, ok := r.one("Authorization")
	if !ok {
		return authorization{}, time.Time{}, badFormat("there must be one Authorization header")
	}
	a, err := parseAuthorization(header)
	if err != nil {
		return authorization{}, time.Time{}, err
	}
	date, ok := r.one("X-Sdk-Date")
	if !ok || date == "" {
		return authorization{}, time.Time{}, badFormat("there must be one X-Sdk-Date header")
	}
	at, err := time.Parse(signingTime, date)
	if err != nil || len(date) != len(signingTime) { // time.Parse takes fractions of a second, too
		return authorization{}, time.Time{}, badFormat("X-Sdk-Date must look like %s", signingTime)
	}
	if a.scope != "" && a.date() != date[:8] {
		return authorization{}, time.Time{}, badFormat("the date in the credential is not that of X-Sdk-Date")
	}
	return a, at, nil
}

// signingKey returns an access key that may be used now, with its secret. A
// temporary key signs only with its security token (iam.md 7), which that of a
// registry login has not. Errors: NotFound "key" whatever the reason; its
// cause is for the log.
func (s *Service) signingKey(ctx context.Context, access string, r *SignedRequest) (catalog.KeyOwner, string, error) {
	owner, err := s.catalog.LoginKey(ctx, access)
	if err != nil {
		return catalog.KeyOwner{}, "", err
	}
	if owner.Key.Temporary {
		token, ok := r.one("X-Security-Token")
		same := subtle.ConstantTimeCompare([]byte(tokenHash(token)), []byte(owner.Key.Token)) == 1
		if !ok || token == "" || !same {
			return catalog.KeyOwner{}, "", easel.E(easel.NotFound, "key", "the access key cannot be used").Because(errors.New("no security token, or not that of the temporary access key"))
		}
	}
	return s.live(owner)
}

// live returns owner with the secret of its key, if that may be used now.
// Errors: NotFound "key" whatever the reason; its cause is for the log.
func (s *Service) live(owner catalog.KeyOwner) (catalog.KeyOwner, string, error) {
	if err := s.usableKey(owner); err != nil {
		return catalog.KeyOwner{}, "", err
	}
	secret, err := s.open(owner.Key.Access, owner.Key.Secret)
	if err != nil {
		return catalog.KeyOwner{}, "", fmt.Errorf("open the secret of access key %s: %w", owner.Key.Access, err)
	}
	return owner, secret, nil
}

// usableKey is NotFound "key" for a key that may not be used now.
func (s *Service) usableKey(owner catalog.KeyOwner) error {
	gone := easel.E(easel.NotFound, "key", "the access key cannot be used")
	switch {
	case !owner.Key.Active:
		return gone.Because(errors.New("access key is inactive"))
	case !owner.Key.Expires.IsZero() && !s.now().Before(owner.Key.Expires):
		return gone.Because(errors.New("access key has expired"))
	case !owner.Account.Usable():
		return gone.Because(errors.New("user or domain is disabled"))
	}
	return nil
}

// checkPayload compares the body with X-Sdk-Content-Sha256. An unsigned
// payload is taken only where nobody would read it as JSON.
func (r *SignedRequest) checkPayload(a authorization, body []byte) error {
	sum, ok := r.one("X-Sdk-Content-Sha256")
	if !ok {
		return errors.New("several X-Sdk-Content-Sha256 headers")
	}
	if sum == "" && len(r.header("X-Sdk-Content-Sha256")) == 0 {
		return nil
	}
	if !slices.Contains(a.headers, "x-sdk-content-sha256") {
		return errors.New("x-sdk-content-sha256 is not signed")
	}
	if sum != unsignedPayload {
		if subtle.ConstantTimeCompare([]byte(sum), []byte(hexSHA256(body))) != 1 {
			return errors.New("the body differs from X-Sdk-Content-Sha256")
		}
		return nil
	}
	types := r.header("Content-Type")
	if len(body) > 0 && (len(types) != 1 || strings.TrimSpace(types[0]) == "" || strings.Contains(strings.ToLower(types[0]), "json")) {
		return errors.New("unsigned payload with a JSON or unnamed content type")
	}
	return nil
}

// checkMAC tries the readings that the request leaves open, one after the other.
func (r *SignedRequest) checkMAC(a authorization, at time.Time, secret string, body []byte) error {
	for _, v := range r.variants(a, body) {
		canonical, err := r.canonical(a, body, v)
		if err != nil {
			return err
		}
		if hmac.Equal(a.mac, a.sign(at, secret, canonical)) {
			return nil
		}
	}
	return errors.New("signature differs")
}

// variants returns every combination of readings that applies (iam.md 8.5, 7).
func (r *SignedRequest) variants(a authorization, body []byte) []variant {
	all := []variant{{}}
	add := func(applies bool, set func(*variant)) {
		if !applies {
			return
		}
		for _, v := range slices.Clone(all) {
			set(&v)
			all = append(all, v)
		}
	}
	add(strings.Contains(strings.ToLower(r.RawPath), "%2f"), func(v *variant) { v.slashes = true })
	add(a.scoped() && strings.EqualFold(r.Method, "POST") && len(body) == 0, func(v *variant) { v.bodyless = true })
	add(slices.Contains(a.headers, "host") && withoutDefaultPort(r.Host) != r.Host, func(v *variant) { v.portless = true })
	return all
}

// sign returns the signature of a canonical request (iam.md 8.3).
func (a authorization) sign(at time.Time, secret, canonical string) []byte {
	key, lines := []byte(secret), []string{algorithm, at.Format(signingTime)}
	switch {
	case a.derived:
		lines[0] = derivedAlgorithm
		// An error would be a length that SHA-256 cannot give.
		derived, _ := hkdf.Key(sha256.New, key, []byte(a.access), a.scope, sha256.Size)
		key = []byte(hex.EncodeToString(derived))
		lines = append(lines, a.scope)
	case a.scoped():
		parts := strings.Split(a.scope, "/")
		key = []byte("SDK" + secret)
		for _, part := range parts {
			key = mac(key, part)
		}
		lines = append(lines, a.scope)
	}
	sum := sha256.Sum256([]byte(canonical))
	return mac(key, strings.Join(append(lines, hex.EncodeToString(sum[:])), "\n"))
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// bind returns the caller in the project and domain that the request names.
func (s *Service) bind(ctx context.Context, owner catalog.KeyOwner, r *SignedRequest) (easel.Principal, error) {
	projectID, ok := r.one("X-Project-Id")
	domainID, ok2 := r.one("X-Domain-Id")
	if !ok || !ok2 {
		return easel.Principal{}, easel.E(easel.Denied, "project", "X-Project-Id and X-Domain-Id may be sent once only")
	}
	if domainID != "" && domainID != owner.Account.Domain.ID {
		return easel.Principal{}, easel.E(easel.Denied, "domain", "X-Domain-Id is not the domain of the access key")
	}
	project, err := s.usableProject(ctx, owner.Account, projectID)
	if errors.Is(err, easel.NotFound) && projectID == "" {
		project, err = catalog.Project{}, nil // a domain without a region project: bound to the domain only
	}
	if errors.Is(err, easel.NotFound) {
		return easel.Principal{}, easel.E(easel.Denied, "project", "the project %.64s is not the caller's", projectID)
	}
	if err != nil {
		return easel.Principal{}, err
	}
	who, err := s.principal(ctx, owner.Account, project)
	return withKey(who, owner.Key.Access, owner.Key.Bound), err
}

// usableProject returns an enabled project of the account's domain; id "" is
// the region's own. Errors: NotFound "project".
func (s *Service) usableProject(ctx context.Context, a catalog.Account, id string) (p catalog.Project, err error) {
	if id == "" {
		p, err = s.catalog.RegionProject(ctx, a.Domain.ID)
	} else {
		p, err = s.catalog.Project(ctx, a.Domain.ID, id)
	}
	if err == nil && !p.Enabled {
		err = easel.E(easel.NotFound, "project", "the project %.64s is disabled", id)
	}
	return p, err
}

// withKey returns who with the access key that it used.
func withKey(who easel.Principal, access string, bound *easel.Bound) easel.Principal {
	who.AccessKey, who.Bound, who.Machine = access, bound, bound != nil
	return who
}

// usedEvery is how precise the time of a key's last use is: a check must stay a read.
const usedEvery = time.Hour

// used records that a permanent key was used. It must not fail the request: on
// a full disk deletions are signed too.
func (s *Service) used(ctx context.Context, k catalog.AccessKey) {
	if k.Temporary || s.now().Sub(k.Used) < usedEvery {
		return
	}
	if err := s.catalog.UseKey(ctx, k.Access); err != nil {
		s.o.Log.WarnContext(ctx, "the last use of an access key was not recorded", "access_key", k.Access, "error", err)
	}
}
