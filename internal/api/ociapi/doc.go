// Package ociapi speaks the OCI distribution protocol 1.1 under /v2/, as
// docker, containerd, skopeo and their like use it, with the additions to come:
// cancelling an upload, tags given as parameters, digests in every answer.
//
// A path is parsed once ([parse]) into values that cannot be invalid; a table
// names the handler for each resource and method; every handler returns an
// error; one table turns errors into status and code.
//
// A request without the token it needs is answered with a challenge
// (iam.md 10.2). Who may do what is the registry's business, never decided
// here; what is decided here is whether another token could help.
package ociapi
