package powerloss

import (
	"bytes"
	"maps"
)

// sector is what a disk writes as a whole, in bytes.
const sector = 512

// lose returns the disk as it is found after a loss of power: with what was
// synced and, of each sector and each directory entry that was changed since,
// what keep wants kept.
func (d *disk) lose(keep func() bool) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := survey{keep: keep, found: map[*inode]*inode{}}
	return &disk{deaf: d.deaf, last: d.last, root: s.survivor(d.root)}
}

// survey goes over a disk after a loss; found has the survivors, so that a file
// with two names stays one.
type survey struct {
	keep  func() bool
	found map[*inode]*inode
}

func (s *survey) survivor(i *inode) *inode {
	if n := s.found[i]; n != nil {
		return n
	}
	n := &inode{number: i.number, mode: i.mode, born: i.born, modified: i.modified, content: s.content(i)}
	n.durable = bytes.Clone(n.content)
	s.found[i] = n
	if i.entries == nil {
		return n
	}
	kept := maps.Clone(i.kept)
	for _, m := range i.moves {
		if s.keep() {
			m.apply(kept)
		}
	}
	n.entries = map[string]*inode{}
	for name, child := range kept {
		n.entries[name] = s.survivor(child)
		n.entries[name].links++
	}
	n.kept = maps.Clone(n.entries)
	return n
}

// content returns what the file i has after the loss.
func (s *survey) content(i *inode) []byte {
	content := bytes.Clone(i.durable)
	for _, w := range i.unsynced {
		if w.data == nil {
			if s.keep() {
				content = w.apply(content)
			}
			continue
		}
		for part := range w.sectors {
			if s.keep() {
				content = part.apply(content)
			}
		}
	}
	return content
}

// sectors yields the part of w in each sector that it touches.
func (w write) sectors(yield func(write) bool) {
	for len(w.data) > 0 {
		n := min(len(w.data), sector-int(w.offset%sector))
		if !yield(write{w.offset, w.data[:n]}) {
			return
		}
		w = write{w.offset + int64(n), w.data[n:]}
	}
}
