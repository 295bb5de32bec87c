package powerloss

import (
	"bytes"
	"maps"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"
)

// disk is a tree of files in memory that knows which part of it was synced.
type disk struct {
	// deaf makes the disk ignore each sync below this path, "" none: it
	// confirms and does nothing, as a program does that forgot to ask.
	deaf string

	mu   sync.Mutex // guards what follows, and the inodes
	root *inode
	last uint64 // inode number
}

// inode is a file or a directory: as programs see it, and as it is after a loss
// of power.
type inode struct {
	number   uint64
	mode     uint32 // with the type
	born     string // path at first
	links    uint32
	modified time.Time

	content  []byte
	durable  []byte
	unsynced []write // what makes durable the content, in order
	reserved int64   // bytes set aside without being part of the content

	entries map[string]*inode // nil for a file
	kept    map[string]*inode // that survive
	moves   []move            // what makes kept the entries, in order
}

// write is a change of a file: data at an offset or, without data, a new size.
type write struct {
	offset int64
	data   []byte
}

// move is a change of one directory that happens as a whole: what each name
// leads to; nil: nothing.
type move map[string]*inode

func newDisk() *disk {
	d := &disk{}
	d.root = d.newInode(syscall.S_IFDIR|0o700, "/")
	return d
}

func (d *disk) newInode(mode uint32, born string) *inode {
	d.last++
	i := &inode{number: d.last, mode: mode, born: born, modified: time.Now()}
	if mode&syscall.S_IFMT == syscall.S_IFDIR {
		i.entries, i.kept = map[string]*inode{}, map[string]*inode{}
	}
	return i
}

// lookup returns what name leads to in the directory i, or nil.
func (d *disk) lookup(i *inode, name string) *inode {
	d.mu.Lock()
	defer d.mu.Unlock()
	return i.entries[name]
}

// list returns a copy of the entries of the directory i.
func (d *disk) list(i *inode) map[string]*inode {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(i.entries)
}

// create makes a file or directory in the directory i.
func (d *disk) create(i *inode, name string, mode uint32) (*inode, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i.entries[name] != nil {
		return nil, syscall.EEXIST
	}
	child := d.newInode(mode, path.Join(i.born, name))
	i.change(move{name: child})
	return child, 0
}

// link gives child one more name in the directory i.
func (d *disk) link(i *inode, name string, child *inode) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i.entries[name] != nil {
		return syscall.EEXIST
	}
	i.change(move{name: child})
	return 0
}

// remove takes name away from the directory i.
func (d *disk) remove(i *inode, name string) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	child := i.entries[name]
	switch {
	case child == nil:
		return syscall.ENOENT
	case len(child.entries) > 0:
		return syscall.ENOTEMPTY
	}
	i.change(move{name: nil})
	return 0
}

// rename moves name from the directory i to another one, where newName is
// replaced. Between two directories only a sync of both makes it durable.
func (d *disk) rename(i *inode, name string, to *inode, newName string) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	child, old := i.entries[name], to.entries[newName]
	switch {
	case child == nil:
		return syscall.ENOENT
	case child == old:
		return 0
	case old != nil && len(old.entries) > 0:
		return syscall.ENOTEMPTY
	case i == to:
		i.change(move{name: nil, newName: child})
	default:
		to.change(move{newName: child})
		i.change(move{name: nil})
	}
	return 0
}

func (i *inode) change(m move) {
	for name, child := range m {
		if old := i.entries[name]; old != nil {
			old.links--
		}
		if child != nil {
			child.links++
		}
	}
	m.apply(i.entries)
	i.moves = append(i.moves, m)
	i.modified = time.Now()
}

func (m move) apply(entries map[string]*inode) {
	for name, child := range m {
		if child == nil {
			delete(entries, name)
		} else {
			entries[name] = child
		}
	}
}

// read copies the content at the offset into p and returns how much there was.
func (d *disk) read(i *inode, p []byte, offset int64) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if offset >= int64(len(i.content)) {
		return 0
	}
	return copy(p, i.content[offset:])
}

// write changes the content of a file; the caller keeps p.
func (d *disk) write(i *inode, p []byte, offset int64) {
	if len(p) > 0 {
		d.change(i, write{offset, bytes.Clone(p)})
	}
}

// truncate gives a file the size.
func (d *disk) truncate(i *inode, size int64) { d.change(i, write{offset: size}) }

func (d *disk) change(i *inode, w write) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i.content = w.apply(i.content)
	i.unsynced = append(i.unsynced, w)
	i.modified = time.Now()
}

func (w write) apply(content []byte) []byte {
	end := int(w.offset) + len(w.data)
	if w.data == nil && end < len(content) {
		clear(content[end:])
		return content[:end]
	}
	if more := end - len(content); more > 0 {
		content = append(content, make([]byte, more)...)
	}
	copy(content[w.offset:], w.data)
	return content
}

// sync makes durable what the file or directory i holds now.
func (d *disk) sync(i *inode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.deaf != "" && strings.HasPrefix(i.born, d.deaf) {
		return
	}
	for _, w := range i.unsynced {
		i.durable = w.apply(i.durable)
	}
	for _, m := range i.moves {
		m.apply(i.kept)
	}
	i.unsynced, i.moves = nil, nil
}
