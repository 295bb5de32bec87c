// Package powerloss tests that easel keeps its promises when power is lost. The
// whole data directory lies on a file system, made by this package with FUSE,
// that knows what of it would survive: when the server was killed, the test
// takes everything else away and starts the server on what is left.
//
// The file system is stricter than real ones. The content of a file survives as
// of its last fsync or fdatasync; a directory entry, be it new, gone or renamed,
// as of the last fsync of the directory that has it. In its second variant a
// loss keeps what was synced and a random part of the rest, by sectors, as a
// disk does that reorders and tears writes. The mode of a file and its time are
// not part of it: they survive always.
package powerloss
