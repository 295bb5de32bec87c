// Package easel is the vocabulary of Easel, a self-hosted home for
// machine-learning development images: names, digests, manifests, image
// records, principals, receipts and errors.
//
// Everything here is a value. Values are parsed once, at the edge, into types
// that cannot be invalid ([ParseRepo], [ParseDigest], [ParseManifest], …);
// below the edge nobody validates them again. The package imports only the
// standard library and knows no protocol, no SQL and no files.
//
// # Words
//
//   - image: a catalogue record in a project: metadata and the path of one tag
//   - organisation: the first part of a repository name; it owns repositories
//   - repository, tag, manifest, blob: as in OCI distribution
//   - link: "this repository may serve this blob"
//   - pin: a link or manifest kept for a while because a push is under way
//   - upload: bytes being received; not yet a blob
//   - garbage: storage keys that nothing needs any more, waiting to be unlinked
//   - receipt: what a deletion did; plan: what it would do
package easel
