package identity

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"easel"
)

// The signing algorithms that are served (iam.md 8.1).
const (
	algorithm        = "SDK-HMAC-SHA256"
	derivedAlgorithm = "V11-HMAC-SHA256"
)

// maxAuthorization bounds the header, in bytes.
const maxAuthorization = 8 << 10

// authorization is a parsed Authorization header (iam.md 8.1).
type authorization struct {
	access  string
	scope   string // "date/region/service/sdk_request" of the scoped layout, "date/region/service" of the derived one; "" for the plain one
	derived bool
	headers []string // names as listed, lower case
	mac     []byte
}

// scoped is whether the layout is the scoped one, which reads some of a
// request in its own way; the derived one reads it as the plain one does.
func (a authorization) scoped() bool { return a.scope != "" && !a.derived }

// date is the first part of the scope.
func (a authorization) date() string { date, _, _ := strings.Cut(a.scope, "/"); return date }

// Signs reports whether an Authorization header announces a request
// signature, of whatever variant: it then decides, and no token is looked at.
func Signs(header string) bool {
	scheme, _, _ := strings.Cut(strings.TrimLeft(header, " \t"), " ")
	scheme = strings.ToUpper(scheme)
	return strings.HasPrefix(scheme, "SDK-") || strings.HasPrefix(scheme, "V11-")
}

func parseAuthorization(header string) (authorization, error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if scheme != algorithm && scheme != derivedAlgorithm {
		return authorization{}, badFormat("the algorithm %.32q is not served; sign with %s", scheme, algorithm)
	}
	if len(rest) > maxAuthorization {
		return authorization{}, badFormat("the Authorization header is too long")
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, again := fields[name]; !ok || again || len(fields) == 3 {
			return authorization{}, badFormat("the Authorization header is not well formed")
		}
		fields[name] = value
	}
	access, plain := fields["Access"]
	credential, scoped := fields["Credential"]
	derived := scheme == derivedAlgorithm
	if len(fields) != 3 || plain == scoped || derived && plain {
		return authorization{}, badFormat("the Authorization header must have Access or Credential, SignedHeaders and Signature")
	}
	a := authorization{access: access, derived: derived}
	if scoped {
		a.access, a.scope, _ = strings.Cut(credential, "/")
		parts := strings.Split(a.scope, "/")
		switch {
		case len(parts[0]) != 8, derived && len(parts) != 3, !derived && (len(parts) != 4 || parts[3] != "sdk_request"):
			return authorization{}, badFormat("the credential must be key/date/region/service, in the scoped layout with /sdk_request behind it")
		}
	}
	if !accessPattern.MatchString(a.access) {
		return authorization{}, badFormat("the access key in the Authorization header is not well formed")
	}
	a.headers = strings.Split(strings.ToLower(fields["SignedHeaders"]), ";")
	if err := checkHeaderNames(a.headers); err != nil {
		return authorization{}, err
	}
	var err error
	if a.mac, err = hex.DecodeString(fields["Signature"]); err != nil || len(a.mac) != 32 {
		return authorization{}, badFormat("the signature must be 64 hex digits")
	}
	return a, nil
}

func checkHeaderNames(names []string) error {
	if !slices.Contains(names, "x-sdk-date") {
		return badFormat("x-sdk-date must be in SignedHeaders")
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~") != "" {
			return badFormat("SignedHeaders is not well formed")
		}
		seen[name] = true
	}
	return nil
}

// badFormat is the error for a header that cannot be understood (errors.md 3.3).
func badFormat(format string, args ...any) error {
	return easel.E(easel.Unauthenticated, "signature format", format, args...)
}

// badSignature is the one answer to every signature that does not hold, so
// that nobody can find out which access keys exist (iam.md 8.5); reason is
// for the log.
func badSignature(reason error) error {
	return easel.E(easel.Unauthenticated, "signature", "verify aksk signature fail").Because(reason)
}

// hide turns a NotFound into an Unauthenticated error of noun: a stranger
// learns nothing about what exists. The cause keeps its text but not its
// kind, which would make errors.Is say that something was not found.
func hide(err error, noun easel.Noun, msg string) error {
	if errors.Is(err, easel.NotFound) {
		return easel.E(easel.Unauthenticated, noun, "%s", msg).Because(errors.New(err.Error()))
	}
	return err
}
