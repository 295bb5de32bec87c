package easelapi

import (
	"context"
	"net/http"
	"time"

	"easel"
	"easel/internal/api"
)

// protection is whether an image is protected, on the wire.
type protection struct {
	Image     string     `json:"image_id"`
	Path      string     `json:"swr_path"`
	Protected bool       `json:"protected"`
	By        string     `json:"protected_by,omitempty"`
	ByID      string     `json:"protected_by_id,omitempty"`
	At        *time.Time `json:"protected_at,omitempty"`
}

func protectionOf(i easel.Image) protection {
	p := protection{Image: i.ID, Path: i.Path}
	if i.Protected != nil {
		p.Protected, p.By, p.ByID, p.At = true, i.Protected.UserName, i.Protected.UserID, &i.Protected.At
	}
	return p
}

// protection serves what do returns for the image that the path names. The
// project is the credential's.
func (s *server) protection(do func(p Protector, ctx context.Context, project, id string) (easel.Image, error)) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		i, err := do(s.o.Protector, r.Context(), easel.PrincipalFrom(r.Context()).ProjectID, r.PathValue("id"))
		if err != nil {
			return err
		}
		return api.WriteJSON(w, http.StatusOK, protectionOf(i))
	}
}
