package app

import (
	"fmt"
	"io"
	"strings"

	"easel/internal/client"
	"easel/internal/identity"
)

// welcome prints, once in the life of an installation, how to log in and what
// to do next. Secrets that were given are not printed.
func welcome(w io.Writer, dir, base string, first identity.FirstLogin) {
	host := base[strings.Index(base, "://")+3:]
	fmt.Fprintf(w, "\nThis is the first start in %s. Keep what follows: it is shown once.\n\n", dir)
	fmt.Fprintf(w, "  project      %s  (id %s)\n", first.ProjectName, first.ProjectID)
	fmt.Fprintf(w, "  user         %s, administrator of the domain %s\n", first.UserName, first.DomainName)
	if first.Password != "" {
		fmt.Fprintf(w, "  password     %s\n", first.Password)
	}
	fmt.Fprintf(w, "  access key   %s\n", first.AccessKey)
	if first.SecretKey != "" {
		fmt.Fprintf(w, "  secret key   %s\n", first.SecretKey)
	}
	fmt.Fprint(w, "\nLog docker in, and this command line:\n\n")
	if first.SecretKey != "" {
		fmt.Fprintf(w, "  %s\n", dockerLine(host, first.ProjectName+"@"+first.AccessKey, client.LoginKey(first.AccessKey, first.SecretKey)))
		fmt.Fprintf(w, "  echo %s | easel login %s --access-key %s\n", first.SecretKey, base, first.AccessKey)
	} else {
		fmt.Fprintf(w, "  easel login %s --access-key %s\n", base, first.AccessKey)
		fmt.Fprint(w, "  easel docker-login --exec\n")
	}
	fmt.Fprint(w, "\nThen make an organisation, push to it, and register what you pushed:\n\n")
	fmt.Fprint(w, "  easel org create team\n")
	fmt.Fprintf(w, "  docker tag IMAGE %s/team/first:1 && docker push %s/team/first:1\n", host, host)
	fmt.Fprint(w, "  easel image register team/first:1\n\n")
}
