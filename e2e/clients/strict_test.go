package clients

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"easel/e2e/server"
)

// strict speaks as the other Go SDK of this cloud does, gophertelekomcloud, or
// as the Terraform provider with its own, and fails where either fails. They
// cannot be had as modules, so what they send and accept is written down here
// after iam.md 9.2, 9.3 and swr.md 2: the scoped signature with an empty region
// and service, or the plain one with more headers; the service found in the
// catalogue; few accepted codes; no empty body where one is read.
type strict struct {
	s        *server.Server
	token    string // "": sign with the access key
	plain    bool   // in the layout of the Terraform provider
	domain   string // id, sent when it signs, and not signed
	project  string // id, likewise
	services string // URL of the SWR client, with a slash at the end
}

// mac is one step of the chain of scoped keys.
func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hexSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// sign returns the headers of a request that is signed in the scoped layout, or
// in the plain one (iam.md 8.2, 8.3; paths and queries here have nothing that is
// encoded in more than one way).
func sign(s *server.Server, plain bool, method, path, body string, now time.Time) map[string]string {
	date := now.UTC().Format("20060102T150405Z")
	header := map[string]string{"Accept": "application/json", "User-Agent": "golangsdk/2.0.0", "X-Sdk-Date": date}
	signed := []string{"accept", "user-agent", "x-sdk-date"}
	if !plain {
		signed = slices.Insert(signed, 1, "host")
	}
	if body != "" {
		header["Content-Type"] = "application/json"
		signed = slices.Insert(signed, 1, "content-type")
	}
	path, query, _ := strings.Cut(path, "?")
	values, _ := url.ParseQuery(query)
	canonical := method + "\n" + strings.TrimSuffix(strings.ReplaceAll(path, "$", "%24"), "/") + "/\n" + strings.ReplaceAll(values.Encode(), "+", "%20") + "\n"
	for _, name := range signed {
		value := header[http.CanonicalHeaderKey(name)]
		if name == "host" {
			value = s.Host
		}
		canonical += name + ":" + value + "\n"
	}
	canonical += "\n" + strings.Join(signed, ";") + "\n" + hexSum(body)
	if plain {
		signature := mac([]byte(s.SecretKey), "SDK-HMAC-SHA256\n"+date+"\n"+hexSum(canonical))
		header["Authorization"] = "SDK-HMAC-SHA256 Access=" + s.AccessKey + ", SignedHeaders=" + strings.Join(signed, ";") + ", Signature=" + hex.EncodeToString(signature)
		return header
	}
	scope := date[:8] + "///sdk_request"
	key := mac(mac(mac(mac([]byte("SDK"+s.SecretKey), date[:8]), ""), ""), "sdk_request")
	signature := mac(key, "SDK-HMAC-SHA256\n"+date+"\n"+scope+"\n"+hexSum(canonical))
	header["Authorization"] = "SDK-HMAC-SHA256 Credential=" + s.AccessKey + "/" + scope + ", SignedHeaders=" + strings.Join(signed, ";") + ", Signature=" + hex.EncodeToString(signature)
	return header
}

// call sends a request and fails unless one of the codes comes back.
func (c *strict) call(t *testing.T, method, path, body string, codes ...int) server.Answer {
	t.Helper()
	var header map[string]string
	if c.token != "" {
		header = map[string]string{"X-Auth-Token": c.token, "Accept": "application/json"}
	} else {
		header = sign(c.s, c.plain, method, path, body, time.Now())
		if c.domain != "" {
			header["X-Domain-Id"] = c.domain
		}
		if c.project != "" {
			header["X-Project-Id"] = c.project
		}
	}
	a := c.s.Do(t, method, path, header, body)
	if !slices.Contains(codes, a.Status) {
		t.Fatalf("%s %s: %d, the client takes %v\n%s", method, path, a.Status, codes, a.Body)
	}
	if a.Status != http.StatusNoContent && !json.Valid(a.Body) {
		t.Fatalf("%s %s: the client decodes the body of %d %q", method, path, a.Status, a.Body)
	}
	return a
}

// swr calls the SWR client's own address.
func (c *strict) swr(t *testing.T, method, path, body string, codes ...int) server.Answer {
	t.Helper()
	return c.call(t, method, strings.TrimPrefix(c.services, c.s.URL)+path, body, codes...)
}

// decode reads a JSON answer.
func decode[T any](t *testing.T, a server.Answer) (v T) {
	t.Helper()
	if err := json.Unmarshal(a.Body, &v); err != nil {
		t.Fatalf("%v in %s", err, a.Body)
	}
	return v
}

type catalogue []struct {
	Type      string
	Endpoints []struct{ Interface, Region, URL string }
}

// find looks up the SWR client's address: the entry is called smn, the region
// is compared for equality, and "smn" in the URL would be replaced.
func (c *strict) find(t *testing.T, all catalogue) {
	t.Helper()
	for _, service := range all {
		for _, e := range service.Endpoints {
			if service.Type == "smn" && e.Interface == "public" && e.Region == server.Region {
				c.services = strings.Replace(e.URL, "smn", "swr-api", 1) + "manage/"
				if !strings.HasSuffix(e.URL, "/") {
					t.Errorf("the address %s does not end with a slash", e.URL)
				}
				return
			}
		}
	}
	t.Fatalf("the catalogue has no SWR: %+v", all)
}

// pages reads a list page by page until one is empty; the first is asked for
// twice.
func (c *strict) pages(t *testing.T, path string, limit int) (all []map[string]any) {
	t.Helper()
	first := decode[[]map[string]any](t, c.swr(t, "GET", fmt.Sprintf("%s?limit=%d&offset=0", path, limit), "", 200))
	for offset := 0; ; offset += limit {
		page := decode[[]map[string]any](t, c.swr(t, "GET", fmt.Sprintf("%s?limit=%d&offset=%d", path, limit, offset), "", 200))
		if offset == 0 && len(page) != len(first) {
			t.Errorf("the first page of %s has %d and then %d entries", path, len(first), len(page))
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
	}
}

// logins are the ways in which those authenticate (iam.md 11, item 3).
var logins = map[string]func(*testing.T, *server.Server) *strict{
	"access key": func(t *testing.T, s *server.Server) *strict {
		c := &strict{s: s}
		versions := decode[struct {
			Versions struct{ Values []struct{ ID, Status string } }
		}](t, c.call(t, "GET", "/", "", 200, 300))
		want(t, "version", versions.Versions.Values[0].ID, "v3.6")
		type list struct {
			Projects, Domains []struct{ ID string }
			Links             struct{ Next *string }
		}
		projects := decode[list](t, c.call(t, "GET", "/v3/projects?name="+server.Region, "", 200))
		want(t, "projects", len(projects.Projects), 1)
		want(t, "more projects", projects.Links.Next, nil)
		domains := decode[list](t, c.call(t, "GET", "/v3/auth/domains?name="+s.Domain, "", 200))
		want(t, "domains", len(domains.Domains), 1)
		want(t, "more domains", domains.Links.Next, nil)
		c.find(t, decode[struct{ Catalog catalogue }](t, c.call(t, "GET", "/v3/auth/catalog", "", 200)).Catalog)
		c.domain = domains.Domains[0].ID // and no project
		return c
	},
	"Terraform": func(t *testing.T, s *server.Server) *strict {
		c := &strict{s: s, plain: true, services: s.URL + "/v2/manage/"} // it reads no catalogue
		domains := decode[struct{ Domains []struct{ ID string } }](t, c.call(t, "GET", "/v3/auth/domains?name="+s.Domain, "", 200))
		projects := decode[struct{ Projects []struct{ ID string } }](t,
			c.call(t, "GET", "/v3/projects?domain_id="+domains.Domains[0].ID+"&name="+server.Region, "", 200))
		users := decode[struct{ Users []struct{ ID string } }](t, c.call(t, "GET", "/v3/users?name="+s.User, "", 200))
		want(t, "users", len(users.Users), 1)
		c.project = projects.Projects[0].ID
		return c
	},
	"password": func(t *testing.T, s *server.Server) *strict {
		c := &strict{s: s}
		body := fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"password":%q,"domain":{"name":%q}}}},"scope":{"project":{"name":%q,"domain":{"name":%q}}}}}`,
			s.User, s.Password, s.Domain, server.Region, s.Domain)
		a := s.Do(t, "POST", "/v3/auth/tokens", nil, body)
		want(t, "status of the login", a.Status, http.StatusCreated)
		c.token = a.Header.Get("X-Subject-Token")
		c.find(t, decode[struct{ Token struct{ Catalog catalogue } }](t, a).Token.Catalog)
		return c
	},
	"token": func(t *testing.T, s *server.Server) *strict {
		c := &strict{s: s, token: s.Token(t)}
		a := s.Do(t, "GET", "/v3/auth/tokens", map[string]string{"X-Auth-Token": c.token, "X-Subject-Token": c.token}, "")
		want(t, "status of the login", a.Status, http.StatusOK)
		c.find(t, decode[struct{ Token struct{ Catalog catalogue } }](t, a).Token.Catalog)
		return c
	},
}

// TestStrictSDK makes an organisation with everything in it, reads it page by
// page and takes it down in reverse order (swr.md 17, item 3; iam.md 11, item 3).
func TestStrictSDKs(t *testing.T) {
	t.Parallel()
	for name, logIn := range logins {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := server.Start(t)
			eva := s.NewUser(t, "eva")
			s.NewDomain(t, "partner")
			c := logIn(t, s)
			c.swr(t, "POST", "namespaces", `{"namespace":"vision"}`, 201)
			for i := range 5 {
				c.swr(t, "POST", "namespaces/vision/repos", fmt.Sprintf(`{"repository":"lab/%d","category":"linux","description":"","is_public":false}`, i), 201)
			}
			push(t, s, "lab/0:1", newImage(t, 1))
			push(t, s, "lab/0:2", newImage(t, 1))
			const repo = "namespaces/vision/repos/lab$0"
			c.swr(t, "PATCH", repo, `{"is_public":false,"category":"database","description":"of the lab"}`, 201)
			for _, access := range []string{"namespaces/vision/access", repo + "/access"} {
				level := func(n int) string {
					return fmt.Sprintf(`[{"user_id":%q,"user_name":"eva","auth":%d}]`, eva.UserID, n)
				}
				c.swr(t, "POST", access, level(1), 201)
				c.swr(t, "PATCH", access, level(3), 201)
			}
			c.swr(t, "POST", repo+"/access-domains", `{"access_domain":"PARTNER","permit":"read","deadline":"forever","description":""}`, 201)
			c.swr(t, "PATCH", repo+"/access-domains/PARTNER", `{"permit":"read","deadline":"2099-01-01T00:00:00Z","description":""}`, 201)
			share := decode[struct {
				Domain   string `json:"access_domain"`
				Deadline string
			}](t, c.swr(t, "GET", repo+"/access-domains/PARTNER", "", 200))
			want(t, "account", share.Domain, "partner")
			want(t, "deadline", share.Deadline[:10], "2099-01-01")
			made := decode[struct{ ID int }](t, c.swr(t, "POST", repo+"/retentions", rule("tag_rule", `{"num":"10"}`), 201))

			want(t, "repositories", len(c.pages(t, "repos", 2)), 5)
			tags := c.pages(t, repo+"/tags", 1)
			want(t, "tags", len(tags), 2)
			for _, tag := range tags {
				c.swr(t, "DELETE", repo+"/tags/"+tag["Tag"].(string), "", 204)
			}
			c.swr(t, "DELETE", fmt.Sprintf("%s/retentions/%d", repo, made.ID), "", 200)
			c.swr(t, "DELETE", repo+"/access-domains/PARTNER", "", 204)
			c.swr(t, "DELETE", repo+"/access", fmt.Sprintf("[%q]", eva.UserID), 204)
			for i := range 5 {
				c.swr(t, "DELETE", fmt.Sprintf("namespaces/vision/repos/lab$%d", i), "", 204)
			}
			c.swr(t, "DELETE", "namespaces/vision/access", fmt.Sprintf("[%q]", eva.UserID), 204)
			c.swr(t, "DELETE", "namespaces/vision", "", 204)
			want(t, "repositories afterwards", len(c.pages(t, "repos", 2)), 0)
			wantStored(t, s, 0, "afterwards")
		})
	}
}

// TestTerraformPages reads repositories as the data source of the Terraform
// provider does, which goes on until it has as many as total_range says: it
// terminates with 0, 9, 10 and 11 of them (swr.md 17, item 4).
func TestTerraformPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.Token(t)
	made := 0
	for _, n := range []int{0, 9, 10, 11} {
		for ; made < n; made++ {
			body := fmt.Sprintf(`{"repository":"r%d","is_public":false}`, made)
			a := s.Do(t, "POST", "/v2/manage/namespaces/"+org+"/repos", map[string]string{"X-Auth-Token": token}, body)
			want(t, "status", a.Status, http.StatusCreated)
			decode[map[string]any](t, a) // an empty body would be an error there
		}
		offset, total := 0, -1
		for asked := 0; offset != total; asked++ {
			if asked > 3 {
				t.Fatalf("%d repositories: asks on and on: offset %d, total %d", n, offset, total)
			}
			query := url.QueryEscape(fmt.Sprintf("namespace::%s|limit::10|offset::%d", org, offset))
			a := s.Do(t, "GET", "/v2/manage/repos?filter="+query, map[string]string{"X-Auth-Token": token}, "")
			page := decode[[]struct {
				Total int `json:"total_range"`
			}](t, a)
			total = 0
			if len(page) > 0 {
				total = page[0].Total
			}
			want(t, "range of the page", a.Header.Get("Content-Range"), fmt.Sprintf("%d-%d/%d", offset, len(page), n))
			offset += len(page)
		}
		want(t, "repositories found", offset, n)
	}
	visible := decode[struct{ Namespaces []map[string]any }](t, s.Do(t, "GET", "/v2/manage/namespaces?filter=mode::visible", map[string]string{"X-Auth-Token": token}, ""))
	want(t, "repositories of the organisation", visible.Namespaces[0]["repo_count"].(float64), 11)
}

// TestSlashes reaches a repository with a slash in its name by each spelling
// (swr.md 17, item 5).
func TestSlashes(t *testing.T) {
	t.Parallel()
	s := start(t)
	push(t, s, "a/b:1", newImage(t, 1))
	for _, name := range []string{"a$b", "a%24b", "a%2Fb", "a%2fb"} {
		for _, rest := range []string{"", "/tags", "/tags/1", "/access", "/access-domains", "/retentions"} {
			path := "/v2/manage/namespaces/" + org + "/repos/" + name + rest
			if a := s.Do(t, "GET", path, map[string]string{"X-Auth-Token": s.Token(t)}, ""); a.Status != http.StatusOK {
				t.Errorf("GET %s: %d %s", path, a.Status, a.Body)
			}
		}
	}
}

// TestTokenLife looks at a token and ends it with the three methods (iam.md 11,
// item 4). That it lasts for 24 hours is a test of package identity, which has
// a clock to turn.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	s := start(t)
	caller, subject := s.Token(t), s.Token(t)
	ask := func(method string) server.Answer {
		return s.Do(t, method, "/v3/auth/tokens", map[string]string{"X-Auth-Token": caller, "X-Subject-Token": subject}, "")
	}
	shown := ask("GET")
	want(t, "GET", shown.Status, http.StatusOK)
	want(t, "the token in the answer", shown.Header.Get("X-Subject-Token"), subject)
	body := decode[struct {
		Token struct {
			Issued  time.Time `json:"issued_at"`
			Expires time.Time `json:"expires_at"`
		}
	}](t, shown)
	want(t, "life", body.Token.Expires.Sub(body.Token.Issued), 24*time.Hour)
	head := ask("HEAD")
	want(t, "HEAD", head.Status, http.StatusOK)
	want(t, "bytes of the answer to HEAD", len(head.Body), 0)
	use := func() int {
		return s.Do(t, "GET", "/v2/manage/namespaces", map[string]string{"X-Auth-Token": subject}, "").Status
	}
	want(t, "use", use(), http.StatusOK)
	want(t, "DELETE", ask("DELETE").Status, http.StatusNoContent)
	want(t, "use after DELETE", use(), http.StatusUnauthorized)
	for method, code := range map[string]int{"GET": 404, "HEAD": 404, "DELETE": 404} {
		want(t, method+" after DELETE", ask(method).Status, code)
	}
	want(t, "GET without a subject", s.Do(t, "GET", "/v3/auth/tokens", map[string]string{"X-Auth-Token": caller}, "").Status, http.StatusBadRequest)
}
