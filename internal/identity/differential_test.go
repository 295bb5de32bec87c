package identity

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"

	"easel"
)

// The second implementation of request signatures: written from the tables of
// iam.md 8.2 and 8.3 alone, with the readings of 8.5, and with nothing of the
// first but the type of a request.

// secondSigner signs and checks with one key.
type secondSigner struct{ access, secret string }

// field is a key and value of a query, decoded.
type field struct{ k, v []byte }

// unescape decodes %XX, and plus when it stands for a space.
func unescape(s string, plus bool) ([]byte, error) {
	out := []byte{}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+' && plus:
			out = append(out, ' ')
		case s[i] == '%':
			var b byte
			if len(s) < i+3 || strings.ContainsAny(s[i+1:i+3], "+- ") {
				return nil, errors.New("cut off")
			}
			if _, err := fmt.Sscanf(s[i+1:i+3], "%02x", &b); err != nil || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return nil, errors.New("no hex")
			}
			out, i = append(out, b), i+2
		default:
			out = append(out, s[i])
		}
	}
	return out, nil
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

func escape(b []byte, spaceAsPlus bool) string {
	out := ""
	for _, c := range b {
		switch {
		case strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~", c) >= 0:
			out += string(rune(c))
		case c == ' ' && spaceAsPlus:
			out += "+"
		default:
			out += fmt.Sprintf("%%%02X", c)
		}
	}
	return out
}

// uri is the CanonicalURI; whole decides whether an escaped slash separates.
func uri(raw string, whole bool) (string, error) {
	parts := []string{raw}
	if !whole {
		parts = strings.Split(raw, "/")
	}
	done := []string{}
	for _, p := range parts {
		b, err := unescape(p, false)
		if err != nil {
			return "", err
		}
		if !whole {
			done = append(done, escape(b, false))
			continue
		}
		for _, s := range bytes.Split(b, []byte("/")) {
			done = append(done, escape(s, false))
		}
	}
	if done[len(done)-1] != "" {
		done = append(done, "")
	}
	if len(done) == 1 {
		return "/", nil
	}
	return strings.Join(done, "/"), nil
}

func fields(raw string) ([]field, error) {
	all := []field{}
	for _, part := range strings.Split(raw, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		key, err := unescape(k, true)
		if err != nil {
			return nil, err
		}
		value, err := unescape(v, true)
		if err != nil {
			return nil, err
		}
		all = append(all, field{key, value})
	}
	return all, nil
}

func join(all []field, spaceAsPlus bool) string {
	texts := []string{}
	for _, f := range all {
		texts = append(texts, escape(f.k, spaceAsPlus)+"="+escape(f.v, spaceAsPlus))
	}
	return strings.Join(texts, "&")
}

func plainQuery(all []field) string {
	sort.SliceStable(all, func(i, j int) bool {
		if c := bytes.Compare(all[i].k, all[j].k); c != 0 {
			return c < 0
		}
		return bytes.Compare(all[i].v, all[j].v) < 0
	})
	return join(all, false)
}

func scopedQuery(all []field) string {
	first := []field{}
next:
	for _, f := range all {
		for _, have := range first {
			if bytes.Equal(have.k, f.k) {
				continue next
			}
		}
		first = append(first, f)
	}
	sort.SliceStable(first, func(i, j int) bool {
		return strings.ToUpper(escape(first[i].k, false)) < strings.ToUpper(escape(first[j].k, false))
	})
	return join(first, false)
}

// queryAsForm is what Go's form encoding makes of the query: keys sorted,
// values of one key in their order.
func queryAsForm(all []field) string {
	sort.SliceStable(all, func(i, j int) bool { return bytes.Compare(all[i].k, all[j].k) < 0 })
	return join(all, true)
}

// reading is one of the readings that 8.5 leaves open.
type reading struct{ segments, form, bare bool }

// text is the canonical request under one reading.
func text(r SignedRequest, scoped bool, list string, body []byte, as reading) (string, error) {
	path, err := uri(r.RawPath, !as.segments)
	if err != nil {
		return "", err
	}
	all, err := fields(r.RawQuery)
	if err != nil {
		return "", err
	}
	query, payload := "", fmt.Sprintf("%x", sha256.Sum256(body))
	switch {
	case as.form:
		payload = fmt.Sprintf("%x", sha256.Sum256([]byte(queryAsForm(all))))
	case scoped:
		query = scopedQuery(all)
	default:
		query = plainQuery(all)
	}
	if said := r.Header["X-Sdk-Content-Sha256"]; len(said) > 0 && !as.form {
		payload = said[0]
	}
	lines := ""
	for _, name := range strings.Split(list, ";") {
		values := append([]string{}, r.Header[canonicalName(name)]...)
		if name == "host" {
			values = []string{r.Host}
			if as.bare {
				values[0] = strings.TrimSuffix(strings.TrimSuffix(r.Host, ":80"), ":443")
			}
		}
		if len(values) == 0 {
			return "", errors.New("absent")
		}
		if scoped {
			lines += name + ":" + oneSpace(values[0]) + "\n"
			continue
		}
		for i := range values {
			values[i] = strings.Trim(values[i], " \t")
		}
		sort.Strings(values)
		for _, v := range values {
			lines += name + ":" + v + "\n"
		}
	}
	return strings.ToUpper(r.Method) + "\n" + path + "\n" + query + "\n" + lines + "\n" + list + "\n" + payload, nil
}

// oneSpace makes every run of white space one space.
func oneSpace(s string) string {
	s = strings.ReplaceAll(s, "\t", " ")
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}

func canonicalName(name string) string {
	parts := strings.Split(name, "-")
	for i, p := range parts {
		parts[i] = strings.ToUpper(p[:1]) + p[1:]
	}
	return strings.Join(parts, "-")
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// signature is the hex signature; scope is "", "DATE/REGION/SERVICE/sdk_request"
// or, for the derived layout, "DATE/REGION/SERVICE".
func (k secondSigner) signature(r SignedRequest, scope, list string, body []byte, as reading) (string, error) {
	p := strings.Split(scope, "/")
	canonical, err := text(r, len(p) == 4, list, body, as)
	if err != nil {
		return "", err
	}
	key, toSign := []byte(k.secret), "SDK-HMAC-SHA256\n"+r.Header["X-Sdk-Date"][0]+"\n"
	switch len(p) {
	case 3: // HKDF with one block
		key = fmt.Appendf(nil, "%x", sum(sum([]byte(k.access), k.secret), scope+"\x01"))
		toSign = "V11-HMAC-SHA256\n" + r.Header["X-Sdk-Date"][0] + "\n" + scope + "\n"
	case 4:
		key = sum(sum(sum(sum([]byte("SDK"+k.secret), p[0]), p[1]), p[2]), p[3])
		toSign += scope + "\n"
	}
	return fmt.Sprintf("%x", sum(key, toSign+fmt.Sprintf("%x", sha256.Sum256([]byte(canonical))))), nil
}

// sign gives r the Authorization that belongs to it.
func (k secondSigner) sign(r *SignedRequest, scope, list string, body []byte) error {
	s, err := k.signature(*r, scope, list, body, reading{})
	who := "Access=" + k.access
	if scope != "" {
		who = "Credential=" + k.access + "/" + scope
	}
	r.Header["Authorization"] = []string{"SDK-HMAC-SHA256 " + who + ", SignedHeaders=" + list + ", Signature=" + s}
	return err
}

// holds reports whether any reading that applies gives want.
func (k secondSigner) holds(r SignedRequest, scope, list string, body []byte, want string) bool {
	if !payloadHolds(r, list, body) {
		return false
	}
	for _, segments := range []bool{false, true} {
		for _, form := range []bool{false, true} {
			for _, bare := range []bool{false, true} {
				if form && (scope == "" || r.Method != "POST" || len(body) > 0) {
					continue
				}
				if got, err := k.signature(r, scope, list, body, reading{segments, form, bare}); err == nil && got == want {
					return true
				}
			}
		}
	}
	return false
}

// payloadHolds is step 4 of 8.5.
func payloadHolds(r SignedRequest, list string, body []byte) bool {
	said := r.Header["X-Sdk-Content-Sha256"]
	switch {
	case len(said) == 0:
		return true
	case !strings.Contains(list, "x-sdk-content-sha256"):
		return false
	case said[0] == "UNSIGNED-PAYLOAD":
		return len(body) == 0 || !strings.Contains(r.Header["Content-Type"][0], "json")
	}
	return said[0] == fmt.Sprintf("%x", sha256.Sum256(body))
}

// drawn is a request that the fuzzer drew.
type drawn struct {
	SignedRequest
	body        []byte
	scope, list string
}

// draw makes a request of what the fuzzer gives, or returns false when that
// could not be a request on the wire.
func draw(method uint8, path, query, host, agent, region, service, body string, kind uint8) (drawn, bool) {
	d := drawn{body: []byte(body), list: "x-sdk-date"}
	for _, s := range []string{path, query, host, agent, region, service} {
		for _, c := range []byte(s) {
			if c < ' ' && c != '\t' || c >= 0x7f {
				return d, false
			}
		}
	}
	if strings.ContainsAny(path+query, " \t?#") || strings.ContainsAny(host, " \t") || strings.ContainsAny(region+service, "/,= \t;") {
		return d, false
	}
	d.SignedRequest = SignedRequest{
		Method: []string{"GET", "POST", "PUT", "DELETE"}[method%4], RawPath: "/" + path, RawQuery: query, Host: host,
		Header: map[string][]string{"X-Sdk-Date": {vectorTime}, "User-Agent": {agent}, "Content-Type": {"application/octet-stream"}},
	}
	if kind&1 != 0 {
		d.scope = vectorTime[:8] + "/" + region + "/" + service + "/sdk_request"
	}
	if kind&2 != 0 {
		d.list = "host;user-agent;" + d.list
	}
	if kind&4 != 0 {
		d.list = "x-sdk-content-sha256;" + d.list
		d.Header["X-Sdk-Content-Sha256"] = []string{map[bool]string{true: "UNSIGNED-PAYLOAD", false: fmt.Sprintf("%x", sha256.Sum256(d.body))}[kind&8 != 0]}
	}
	if kind&16 != 0 {
		d.Header["User-Agent"] = []string{agent, "second " + agent}
	}
	return d, true
}

// change alters one thing that is sent: which one is where, and how is what.
func (d *drawn) change(where, what uint8) {
	alter := func(s string) string {
		if s == "" {
			return "x"
		}
		i := int(what) % len(s)
		return s[:i] + string("0aA/%&=;+ ~"[int(what)%11]) + s[i+1:]
	}
	switch where % 8 {
	case 0:
		d.RawPath = "/" + strings.ReplaceAll(alter(d.RawPath[1:]), " ", "%20")
	case 1:
		d.RawQuery = strings.ReplaceAll(alter(d.RawQuery), " ", "%20")
	case 2:
		d.RawQuery += "&force=true"
	case 3:
		d.Host = strings.ReplaceAll(alter(d.Host), " ", "")
	case 4:
		d.Header["User-Agent"][0] = alter(d.Header["User-Agent"][0])
	case 5:
		d.body = []byte(alter(string(d.body)))
	case 6:
		d.Method = map[string]string{"GET": "DELETE", "POST": "PUT", "PUT": "POST", "DELETE": "GET"}[d.Method]
	case 7:
		d.RawPath = strings.Replace(d.RawPath[:1]+strings.Replace(d.RawPath[1:], "/", "%2F", 1), "%2f", "/", 1)
	}
}

// FuzzDifferential lets two implementations check each other's signatures, and
// compares what they say about requests that were altered on the way.
func FuzzDifferential(f *testing.F) {
	f.Add(uint8(0), "v2/manage/repos", "filter=namespace%3A%3Ateam&limit=10", "a.test:8443", "sdk/1", "", "", "", uint8(0), uint8(1), uint8(3))
	f.Add(uint8(3), "v2/manage/namespaces/team/repos/a%2Fb", "", "a.test:443", "sdk/1", "eu-de", "swr", "", uint8(3), uint8(7), uint8(0))
	f.Add(uint8(1), "v2/x", "projectname=eu-de&x=a%20b", "a.test", "sdk  1", "", "", "", uint8(1), uint8(2), uint8(0))
	f.Add(uint8(1), "", "b=2&a&B=1&a=1", "", "\ta ", "r", "s", "{}\n", uint8(22), uint8(5), uint8(9))
	f.Add(uint8(2), "v2/blob", "a=x;b=y", "h:80", "", "", "", "raw", uint8(15), uint8(5), uint8(1))
	f.Add(uint8(3), "v1/p/images/1", "force=false", "h", "u", "", "", "", uint8(1), uint8(2), uint8(0))
	f.Add(uint8(0), "%zz", "%", "h", "u", "", "", "", uint8(0), uint8(0), uint8(0))
	fix := newFixture(f)
	fix.lockout = newLockout(Lockout{After: -1}) // most inputs fail, at one moment of the clock
	second := secondSigner{vectorAccess, vectorSecret}
	first := func(t *testing.T, d drawn) bool {
		d.SignedRequest.Body = func() ([]byte, error) { return d.body, nil }
		_, err := fix.Verify(t.Context(), d.SignedRequest)
		if err != nil && easel.AsError(err).Kind != easel.Unauthenticated {
			t.Fatalf("Verify = %v", err)
		}
		return err == nil
	}
	f.Fuzz(func(t *testing.T, method uint8, path, query, host, agent, region, service, body string, kind, where, what uint8) {
		d, ok := draw(method, path, query, host, agent, region, service, body, kind)
		if !ok {
			return
		}
		if err := second.sign(&d.SignedRequest, d.scope, d.list, d.body); err != nil {
			if first(t, d) {
				t.Fatalf("accepted what cannot be signed: %+v", d)
			}
			return
		}
		if !first(t, d) {
			t.Fatalf("refused what the second implementation signed: %+v", d)
		}
		_, mine, _ := strings.Cut(d.Header["Authorization"][0], "Signature=")
		d.SignedRequest.Body = func() ([]byte, error) { return d.body, nil }
		resign(&d.SignedRequest, vectorAccess, vectorSecret, d.scope, strings.Split(d.list, ";"), variant{})
		if _, theirs, _ := strings.Cut(d.Header["Authorization"][0], "Signature="); theirs != mine || !second.holds(d.SignedRequest, d.scope, d.list, d.body, theirs) {
			t.Fatalf("signed %s, the second implementation %s: %+v", theirs, mine, d)
		}
		d.change(where, what)
		if got, want := first(t, d), second.holds(d.SignedRequest, d.scope, d.list, d.body, mine); got != want {
			t.Fatalf("altered: accepted %v, by the second implementation %v: %+v", got, want, d)
		}
	})
}

// TestSecondImplementation checks the second implementation with the vectors:
// two that agree may both be wrong.
func TestSecondImplementation(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, v := range vectors {
		r := v.request()
		a, err := parseAuthorization(v.header["Authorization"])
		if err != nil {
			continue // a variant that is not served
		}
		checked++
		_, want, _ := strings.Cut(v.header["Authorization"], "Signature=")
		if !(secondSigner{vectorAccess, vectorSecret}).holds(r, a.scope, strings.Join(a.headers, ";"), []byte(v.body), want) {
			t.Errorf("%s does not hold", v.name)
		}
	}
	if checked < 10 {
		t.Errorf("only %d vectors were checked", checked)
	}
}
