package app

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"easel/internal/client"
)

// show loads something from the server and prints it: as the user asked, or
// with table for people. load may be a method of session.
func show[T any](ctx context.Context, s *streams, v *viewer, load func(*session, context.Context) (T, error), table func(w io.Writer, found T)) error {
	ses, err := v.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	found, err := load(ses, ctx)
	if err != nil {
		return err
	}
	return ses.print(found, func(w io.Writer) { table(w, found) })
}

// get reads what is at path.
func get[T any](ctx context.Context, s *session, path string, query url.Values) (out T, err error) {
	_, err = s.Do(ctx, client.Call{Method: http.MethodGet, Path: path, Query: query, Out: &out})
	return out, err
}
