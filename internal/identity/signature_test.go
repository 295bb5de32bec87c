package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// wantNoun fails t unless err has this kind and noun.
func wantNoun(t *testing.T, err error, kind easel.Kind, noun easel.Noun) {
	t.Helper()
	if e := easel.AsError(err); err == nil || e.Kind != kind || e.Noun != noun {
		t.Errorf("error = %v (%v %q), want %v %q", err, e.Kind, e.Noun, kind, noun)
	}
}

func TestVerifyVectors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			who, err := f.Verify(t.Context(), v.request())
			if err != nil {
				t.Fatalf("Verify: %v", err)
			}
			if diff := cmp.Diff(f.admin(), who); diff != "" {
				t.Errorf("Verify (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVerifyPublished(t *testing.T) {
	t.Parallel()
	for _, v := range published {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			f := newFixtureWith(t, v.access, v.secret, v.project, v.time)
			if _, err := f.Verify(t.Context(), v.request()); err != nil {
				t.Errorf("Verify: %v", err)
			}
			altered := v.vector
			altered.target += "&x=1"
			_, err := f.Verify(t.Context(), altered.request())
			wantNoun(t, err, easel.Unauthenticated, "signature")
		})
	}
}

// TestCanonical compares the signed texts themselves: a wrong one that a
// fallback makes good would go unnoticed above.
func TestCanonical(t *testing.T) {
	t.Parallel()
	all := vectors
	for _, p := range published {
		all = append(all, p.vector)
	}
	for _, v := range all {
		if v.digest == "" {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			r := v.request()
			a, _, err := r.parse()
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.canonical(a, []byte(v.body), variant{bodyless: a.scoped() && v.method == "POST" && v.body == ""})
			if err != nil {
				t.Fatal(err)
			}
			if v.canonical != "" {
				if diff := cmp.Diff(v.canonical, got); diff != "" {
					t.Errorf("canonical request (-want +got):\n%s", diff)
				}
			}
			if sum := sha256.Sum256([]byte(got)); hexOf(sum[:]) != v.digest {
				t.Errorf("SHA-256 of the canonical request = %x, want %s", sum, v.digest)
			}
		})
	}
}

func TestScopedKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ region, service, want string }{
		{"", "", "1f266bbeadb870a02151f8c8cd51596ca8fce680f5e0ff572db78d7062f227c1"},
		{"eu-de", "swr", "3d640c2c725690152ad6e640371a1aa43b8c027a928c79a0cdda1f1c9ec96a91"},
	} {
		key := []byte("SDK" + vectorSecret)
		for _, part := range []string{"20260102", tt.region, tt.service, "sdk_request"} {
			key = mac(key, part)
		}
		if hexOf(key) != tt.want {
			t.Errorf("signing key for %q, %q = %x, want %s", tt.region, tt.service, key, tt.want)
		}
	}
}

// TestVerifyRefuses changes one thing in a good request at a time.
func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	const (
		plainGet, plainPost, temporary, unsigned = 0, 2, 5, 7
		scopedGet, scopedPost                    = 9, 10
	)
	header := func(name, value string) func(*SignedRequest) {
		return func(r *SignedRequest) { r.Header[name] = []string{value} }
	}
	authorization := func(old, new string) func(*SignedRequest) {
		return func(r *SignedRequest) {
			r.Header["Authorization"] = []string{strings.Replace(r.Header["Authorization"][0], old, new, 1)}
		}
	}
	body := func(s string) func(*SignedRequest) {
		return func(r *SignedRequest) { r.Body = func() ([]byte, error) { return []byte(s), nil } }
	}
	f := newFixture(t)
	for _, tt := range []struct {
		name   string
		vector int
		change func(*SignedRequest)
		noun   easel.Noun
	}{
		{"body without its line feed", plainPost, body(`{"namespace":"group"}`), "signature"},
		{"another filter character", plainGet, func(r *SignedRequest) { r.RawQuery = strings.Replace(r.RawQuery, "group", "groug", 1) }, "signature"},
		{"added query key", plainGet, func(r *SignedRequest) { r.RawQuery += "&force=true" }, "signature"},
		{"another method", plainGet, func(r *SignedRequest) { r.Method = "DELETE" }, "signature"},
		{"another path", plainGet, func(r *SignedRequest) { r.RawPath = "/v2/manage/repo" }, "signature"},
		{"path that is not well encoded", plainGet, func(r *SignedRequest) { r.RawPath = "/v2/%zz" }, "signature"},
		{"query that is not well encoded", plainGet, func(r *SignedRequest) { r.RawQuery = "%zz" }, "signature"},
		{"another security token", temporary, header("X-Security-Token", "sts-token-ABD=="), "signature"},
		{"another signed header", plainGet, header("User-Agent", "proxy/1"), "signature"},
		{"a signed header is absent", plainGet, func(r *SignedRequest) { delete(r.Header, "User-Agent") }, "signature"},
		{"a signed header twice", plainGet, func(r *SignedRequest) { r.Header["User-Agent"] = append(r.Header["User-Agent"], "x") }, "signature"},
		{"another host", scopedGet, func(r *SignedRequest) { r.Host = "other.example.test:8443" }, "signature"},
		{"another time", plainGet, header("X-Sdk-Date", "20260102T030406Z"), "signature"},
		{"unsigned payload made JSON", unsigned, header("Content-Type", "application/json"), "signature"},
		{"unsigned payload made JSON in capitals", unsigned, header("Content-Type", "Application/JSON"), "signature"},
		{"unsigned payload without a type", unsigned, func(r *SignedRequest) { delete(r.Header, "Content-Type") }, "signature"},
		{"payload hash not of the body", unsigned, header("X-Sdk-Content-Sha256", emptySHA256), "signature"},
		{"payload hash not signed", plainPost, header("X-Sdk-Content-Sha256", unsignedPayload), "signature"},
		{"unknown key", plainGet, authorization("AKVECTOR0000000001", "AKVECTOR0000000002"), "signature"},
		{"another signature", plainGet, authorization("Signature=22", "Signature=23"), "signature"},
		{"scoped signature in the plain layout", scopedGet, authorization("Credential="+vectorAccess+"/20260102///sdk_request", "Access="+vectorAccess), "signature"},
		{"another region", scopedPost, authorization("///", "/eu-nl//"), "signature"},

		{"another date in the credential", scopedGet, authorization("/20260102/", "/20260103/"), "signature format"},
		{"credential of four parts", scopedGet, authorization("///sdk_request", "//sdk_request"), "signature format"},
		{"credential ends otherwise", scopedGet, authorization("sdk_request", "sdk_reques"), "signature format"},
		{"no date", plainGet, func(r *SignedRequest) { delete(r.Header, "X-Sdk-Date") }, "signature format"},
		{"two dates", plainGet, func(r *SignedRequest) { r.Header["X-Sdk-Date"] = []string{vectorTime, vectorTime} }, "signature format"},
		{"date in another form", plainGet, header("X-Sdk-Date", "2026-01-02T03:04:05Z"), "signature format"},
		{"date with a fraction", plainGet, header("X-Sdk-Date", "20260102T030405.5Z"), "signature format"},
		{"date is not signed", plainGet, authorization(";x-sdk-date", ""), "signature format"},
		{"two Authorization headers", plainGet, func(r *SignedRequest) {
			r.Header["Authorization"] = append(r.Header["Authorization"], r.Header["Authorization"][0])
		}, "signature format"},
		{"derived variant", plainGet, authorization("SDK-HMAC-SHA256", "V11-HMAC-SHA256"), "signature format"},
		{"SM3 variant", plainGet, authorization("SDK-HMAC-SHA256", "SDK-HMAC-SM3"), "signature format"},
		{"ECDSA variant", plainGet, authorization("SDK-HMAC-SHA256", "SDK-ECDSA-P256-SHA256"), "signature format"},
		{"signature too short", plainGet, authorization("Signature=22", "Signature="), "signature format"},
		{"signature is no hex", plainGet, authorization("Signature=22", "Signature=zz"), "signature format"},
		{"both Access and Credential", plainGet, authorization("Access=", "Credential=A/20260102///sdk_request, Access="), "signature format"},
		{"field twice", plainGet, authorization("Access=", "Access=A, Access="), "signature format"},
		{"field missing", plainGet, authorization("SignedHeaders=user-agent;x-project-id;x-sdk-date, ", ""), "signature format"},
		{"nothing after the algorithm", plainGet, header("Authorization", algorithm), "signature format"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := vectors[tt.vector].request()
			r.Header = maps.Clone(r.Header)
			tt.change(&r)
			_, err := f.Verify(t.Context(), r)
			wantNoun(t, err, easel.Unauthenticated, tt.noun)
		})
	}
}

func TestVerifyClock(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	at := f.clock.now()
	for _, tt := range []struct {
		off time.Duration
		ok  bool
	}{
		{0, true}, {14*time.Minute + 59*time.Second, true}, {15 * time.Minute, true}, {15*time.Minute + time.Second, false},
		{-14*time.Minute - 59*time.Second, true}, {-15 * time.Minute, true}, {-15*time.Minute - time.Second, false}, {8760 * time.Hour, false},
	} {
		f.clock.set(at.Add(tt.off))
		for _, v := range vectors {
			_, err := f.Verify(t.Context(), v.request())
			if tt.ok && err != nil {
				t.Errorf("server %v later: %s: %v", tt.off, v.name, err)
			}
			if !tt.ok {
				wantNoun(t, err, easel.Unauthenticated, "signature")
			}
		}
	}
}

// TestVerifyFallbacks signs requests in ways that are read at the second try.
func TestVerifyFallbacks(t *testing.T) {
	t.Parallel()
	const scope = "20260102///sdk_request"
	f := newFixture(t)
	for _, tt := range []struct {
		name, method, target, host, scope string
		headers                           []string
		sign                              func(*SignedRequest, []string, string)
	}{
		{name: "encoded slash, signed as a slash", method: "GET", target: "/v2/team%2Fweb/tags", headers: []string{"x-sdk-date"}},
		{name: "encoded slash, signed as it is", method: "GET", target: "/v2/team%2fweb/tags", headers: []string{"x-sdk-date"},
			sign: func(r *SignedRequest, h []string, scope string) {
				resign(r, vectorAccess, vectorSecret, scope, h, variant{slashes: true})
			}},
		{name: "slash at the end", method: "GET", target: "/v2/x/", headers: []string{"x-sdk-date"}},
		{name: "no path", method: "GET", target: "", headers: []string{"x-sdk-date"}},
		{name: "default port signed", method: "GET", target: "/", host: "a.test:443", headers: []string{"host", "x-sdk-date"}},
		{name: "default port not signed", method: "GET", target: "/", host: "a.test:80", headers: []string{"host", "x-sdk-date"},
			sign: func(r *SignedRequest, h []string, scope string) {
				resign(r, vectorAccess, vectorSecret, scope, h, variant{portless: true})
			}},
		{name: "scoped POST without body, normal rule", method: "POST", target: "/x?a=1", scope: scope, headers: []string{"x-sdk-date"}},
		{name: "scoped POST, special rule and encoded slash and port", method: "POST", target: "/a%2Fb?a=1&a=2", host: "a.test:80", scope: scope,
			headers: []string{"host", "x-sdk-date"},
			sign: func(r *SignedRequest, h []string, scope string) {
				resign(r, vectorAccess, vectorSecret, scope, h, variant{slashes: true, bodyless: true, portless: true})
			}},
		{name: "length signed", method: "GET", target: "/", headers: []string{"content-length", "x-sdk-date"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := vector{method: tt.method, target: tt.target, host: tt.host, header: map[string]string{"X-Sdk-Date": vectorTime}}.request()
			if tt.sign == nil {
				resign(&r, vectorAccess, vectorSecret, tt.scope, tt.headers, variant{})
			} else {
				tt.sign(&r, tt.headers, tt.scope)
			}
			if _, err := f.Verify(t.Context(), r); err != nil {
				t.Errorf("Verify: %v", err)
			}
			r.RawQuery += "&z=1"
			_, err := f.Verify(t.Context(), r)
			wantNoun(t, err, easel.Unauthenticated, "signature")
		})
	}
}

// TestVerifyRefusesWellSigned has requests whose signature is right by the
// rules of another layout, or of none.
func TestVerifyRefusesWellSigned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	fresh := func(method, target string) SignedRequest {
		return vector{method: method, target: target, header: map[string]string{"X-Sdk-Date": vectorTime}}.request()
	}
	date := []string{"x-sdk-date"}

	special := fresh("POST", "/x?a=1")
	resign(&special, vectorAccess, vectorSecret, "", date, variant{bodyless: true})

	unlisted := fresh("GET", "/x")
	unlisted.Header["X-Sdk-Content-Sha256"] = []string{emptySHA256}
	resign(&unlisted, vectorAccess, vectorSecret, "", date, variant{})

	twice := fresh("GET", "/x")
	resign(&twice, vectorAccess, vectorSecret, "", []string{"x-sdk-date", "x-sdk-date"}, variant{})

	absent := fresh("GET", "/x")
	a := authorization{access: vectorAccess, headers: []string{"x-absent", "x-sdk-date"}}
	canonical := "GET\n/x/\n\nx-sdk-date:" + vectorTime + "\n\nx-absent;x-sdk-date\n" + emptySHA256
	absent.Header["Authorization"] = []string{algorithm + " Access=" + vectorAccess + ", SignedHeaders=x-absent;x-sdk-date, Signature=" +
		hexOf(a.sign(f.clock.now(), vectorSecret, canonical))}

	for _, tt := range []struct {
		name string
		r    SignedRequest
		noun easel.Noun
	}{
		{"the scoped layout's special rule in the plain one", special, "signature"},
		{"payload hash not in the list", unlisted, "signature"},
		{"a header that is not there", absent, "signature"},
		{"a header listed twice", twice, "signature format"},
	} {
		_, err := f.Verify(t.Context(), tt.r)
		wantNoun(t, err, easel.Unauthenticated, tt.noun)
	}
	for name, scope := range map[string]string{"plain": "", "scoped": "20260102///sdk_request"} {
		r := fresh("GET", "/x")
		a := authorization{access: vectorAccess, scope: scope, headers: []string{"x-absent"}}
		if _, err := r.canonicalHeaders(a, 0, false); !errors.Is(err, errAbsent) {
			t.Errorf("%s: a listed header that is absent: %v", name, err)
		}
	}
}

func TestCanonicalHeaders(t *testing.T) {
	t.Parallel()
	r := SignedRequest{Host: "a.test:80", Header: map[string][]string{"X-A": {" b \t c ", "a"}}}
	for _, tt := range []struct {
		scope    string
		portless bool
		want     string
	}{
		{"", false, "x-a:a\nx-a:b \t c\nhost:a.test:80\ncontent-length:7\n"},
		{"20260102///sdk_request", true, "x-a: b c \nhost:a.test\ncontent-length:7\n"},
	} {
		a := authorization{scope: tt.scope, headers: []string{"x-a", "host", "content-length"}}
		if got, err := r.canonicalHeaders(a, 7, tt.portless); err != nil || got != tt.want {
			t.Errorf("scope %q: %q, %v, want %q", tt.scope, got, err, tt.want)
		}
	}
}

func TestCanonicalQuery(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ raw, plain, scoped, form string }{
		{"", "", "", ""},
		{"&&", "", "", ""},
		{"b=2&a", "a=&b=2", "a=&b=2", "a=&b=2"},
		{"B=1&a=2&a=1", "B=1&a=1&a=2", "a=2&B=1", "B=1&a=2&a=1"},
		{"a=x;b=y", "a=x%3Bb%3Dy", "a=x%3Bb%3Dy", "a=x%3Bb%3Dy"},
		{"a=1+2%2B3", "a=1%202%2B3", "a=1%202%2B3", "a=1+2%2B3"},
		{"a=b=c", "a=b%3Dc", "a=b%3Dc", "a=b%3Dc"},
		{"%C3%A4=~*", "%C3%A4=~%2A", "%C3%A4=~%2A", "%C3%A4=~%2A"},
	} {
		pairs, err := parsePairs(tt.raw)
		if err != nil {
			t.Errorf("parsePairs(%q): %v", tt.raw, err)
		}
		if plain, scoped, form := canonicalQuery(pairs, false), canonicalQuery(pairs, true), formQuery(pairs); plain != tt.plain || scoped != tt.scoped || form != tt.form {
			t.Errorf("%q: plain %q, scoped %q, form %q, want %q, %q, %q", tt.raw, plain, scoped, form, tt.plain, tt.scoped, tt.form)
		}
	}
}

func TestVerifyContext(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.tenant(t, "other")
	if err := f.db.AddProject(t.Context(), catalog.Project{ID: "disabled", Domain: f.first.DomainID, Name: "eu-de_old", Parent: vectorProject}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, header string
		values       []string
		noun         easel.Noun // "": accepted
	}{
		{"no project", "X-Project-Id", nil, ""},
		{"own project", "X-Project-Id", []string{vectorProject}, ""},
		{"own domain", "X-Domain-Id", []string{f.first.DomainID}, ""},
		{"project of another domain", "X-Project-Id", []string{other.ProjectID}, "project"},
		{"disabled project", "X-Project-Id", []string{"disabled"}, "project"},
		{"project that does not exist", "X-Project-Id", []string{"ffff"}, "project"},
		{"project id that is no text", "X-Project-Id", []string{"\xff"}, "project"},
		{"another domain", "X-Domain-Id", []string{other.DomainID}, "domain"},
		{"two projects", "X-Project-Id", []string{vectorProject, other.ProjectID}, "project"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := signed(t.Context(), "GET", "/v2", vectorAccess, vectorSecret, f.clock.now())
			r.Header[tt.header] = tt.values
			who, err := f.Verify(t.Context(), r)
			if tt.noun != "" {
				wantNoun(t, err, easel.Denied, tt.noun)
				return
			}
			if err != nil || who.ProjectID != vectorProject {
				t.Errorf("Verify = project %q, %v, want %q", who.ProjectID, err, vectorProject)
			}
		})
	}
}

// TestVerifyBody: nobody makes the server read a body without a key that
// exists, and what the body reader says is not hidden.
func TestVerifyBody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := signed(t.Context(), "POST", "/x", vectorAccess, vectorSecret, f.clock.now())
	tooLarge := easel.E(easel.TooLarge, "body", "too large")
	r.Body = func() ([]byte, error) { return nil, tooLarge }
	if _, err := f.Verify(t.Context(), r); !errors.Is(err, easel.TooLarge) {
		t.Errorf("Verify = %v, want the error of the body", err)
	}
	r = signed(t.Context(), "POST", "/x", "UNKNOWN", vectorSecret, f.clock.now())
	r.Body = func() ([]byte, error) { t.Error("the body was read for an unknown key"); return nil, nil }
	_, err := f.Verify(t.Context(), r)
	wantNoun(t, err, easel.Unauthenticated, "signature")
	r = signed(t.Context(), "POST", "/x", vectorAccess, vectorSecret, f.clock.now())
	r.Body = func() ([]byte, error) { return make([]byte, MaxSignedBody+1), nil }
	_, err = f.Verify(t.Context(), r)
	wantNoun(t, err, easel.TooLarge, "body")
}

func FuzzParseAuthorization(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.header["Authorization"])
	}
	f.Add("SDK-HMAC-SHA256 Credential=A/20260102/r/s/sdk_request,SignedHeaders=x-sdk-date,Signature=" + emptySHA256)
	f.Fuzz(func(t *testing.T, header string) {
		a, err := parseAuthorization(header)
		if err != nil {
			if easel.AsError(err).Noun != "signature format" || !Signs(header) && strings.HasPrefix(header, algorithm+" ") {
				t.Errorf("parseAuthorization(%q) = %v", header, err)
			}
			return
		}
		if !Signs(header) || len(a.mac) != 32 || a.access == "" || len(a.headers) == 0 || a.scoped() && len(a.date()) != 8 {
			t.Errorf("parseAuthorization(%q) = %+v", header, a)
		}
	})
}

// FuzzCanonical: any request has one canonical form or none, of the right
// shape, that a change of spelling does not alter.
func FuzzCanonical(f *testing.F) {
	for _, v := range vectors {
		path, query, _ := strings.Cut(v.target, "?")
		f.Add(path, query, v.host, v.header["User-Agent"], v.header["Authorization"][16:24] == "Credenti")
	}
	f.Add("/%2F%2f/%", "a;b&&=&%", "h:80", "\t", true)
	f.Fuzz(func(t *testing.T, path, query, host, agent string, scoped bool) {
		r := SignedRequest{Method: "POST", RawPath: path, RawQuery: query, Host: host, Header: map[string][]string{"User-Agent": {agent}}}
		a := authorization{headers: []string{"host", "user-agent"}}
		if scoped {
			a.scope = "20260102///sdk_request"
		}
		got, err := r.canonical(a, nil, variant{})
		if err != nil {
			return
		}
		if !strings.HasSuffix(got, "\nhost;user-agent\n"+emptySHA256) {
			t.Errorf("canonical = %q", got)
		}
		lines := strings.Split(got, "\n")
		if canonical, err := canonicalPath(lines[1], true); !strings.Contains(strings.ToLower(path), "%2f") && (err != nil || canonical != lines[1]) {
			t.Errorf("path %q: %q is not its own canonical form: %q, %v", path, lines[1], canonical, err)
		}
		pairs, err := parsePairs(lines[2])
		if err != nil || canonicalQuery(pairs, scoped) != lines[2] {
			t.Errorf("query %q: %q is not its own canonical form: %q, %v", query, lines[2], canonicalQuery(pairs, scoped), err)
		}
	})
}
