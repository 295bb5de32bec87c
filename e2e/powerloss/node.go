package powerloss

import (
	"context"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node shows an inode to the kernel. Locks and the memory of mmap are the
// kernel's own affair: nobody else has this file system.
type node struct {
	fs.Inode
	disk *disk
	*inode
}

var _ = interface {
	fs.NodeLookuper
	fs.NodeReaddirer
	fs.NodeCreater
	fs.NodeMkdirer
	fs.NodeLinker
	fs.NodeUnlinker
	fs.NodeRmdirer
	fs.NodeRenamer
	fs.NodeGetattrer
	fs.NodeSetattrer
	fs.NodeStatfser
	fs.NodeOpener
	fs.NodeReader
	fs.NodeWriter
	fs.NodeFsyncer
	fs.NodeFlusher
	fs.NodeAllocater
}((*node)(nil))

// child returns the node of an inode in the directory n.
func (n *node) child(ctx context.Context, i *inode, out *fuse.EntryOut) *fs.Inode {
	n.disk.attributes(i, &out.Attr)
	return n.NewInode(ctx, &node{disk: n.disk, inode: i}, fs.StableAttr{Mode: i.mode & syscall.S_IFMT, Ino: i.number})
}

// attributes tells the kernel what it asks for with stat.
func (d *disk) attributes(i *inode, out *fuse.Attr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out.Ino, out.Mode, out.Nlink = i.number, i.mode, i.links
	out.Size = uint64(len(i.content))
	out.Blocks = (max(out.Size, uint64(i.reserved)) + sector - 1) / sector
	out.Blksize = blockSize
	out.SetTimes(&i.modified, &i.modified, &i.modified)
}

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	i := n.disk.lookup(n.inode, name)
	if i == nil {
		return nil, syscall.ENOENT
	}
	return n.child(ctx, i, out), 0
}

func (n *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	var list []fuse.DirEntry
	for name, i := range n.disk.list(n.inode) {
		list = append(list, fuse.DirEntry{Name: name, Mode: i.mode, Ino: i.number})
	}
	return fs.NewListDirStream(list), 0
}

func (n *node) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	i, errno := n.disk.create(n.inode, name, mode&0o7777|syscall.S_IFREG)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	return n.child(ctx, i, out), nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	i, errno := n.disk.create(n.inode, name, mode&0o7777|syscall.S_IFDIR)
	if errno != 0 {
		return nil, errno
	}
	return n.child(ctx, i, out), 0
}

func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	i := target.(*node).inode
	if errno := n.disk.link(n.inode, name, i); errno != 0 {
		return nil, errno
	}
	return n.child(ctx, i, out), 0
}

func (n *node) Unlink(_ context.Context, name string) syscall.Errno {
	return n.disk.remove(n.inode, name)
}

func (n *node) Rmdir(_ context.Context, name string) syscall.Errno {
	return n.disk.remove(n.inode, name)
}

func (n *node) Rename(_ context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if flags != 0 {
		return syscall.EINVAL
	}
	return n.disk.rename(n.inode, name, to.(*node).inode, newName)
}

func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.disk.attributes(n.inode, &out.Attr)
	return 0
}

func (n *node) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		n.disk.truncate(n.inode, int64(size))
	}
	mode, hasMode := in.GetMode()
	at, hasTime := in.GetMTime()
	n.disk.describe(n.inode, mode, hasMode, at, hasTime)
	n.disk.attributes(n.inode, &out.Attr)
	return 0
}

// describe sets the rights of a file and its time.
func (d *disk) describe(i *inode, mode uint32, hasMode bool, at time.Time, hasTime bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if hasMode {
		i.mode = i.mode&syscall.S_IFMT | mode&0o7777
	}
	if hasTime {
		i.modified = at
	}
}

// The disk has room for whatever a test writes.
const (
	blockSize = 4096
	blocks    = 64 << 30 / blockSize
)

func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	*out = fuse.StatfsOut{Blocks: blocks, Bfree: blocks, Bavail: blocks, Files: 1 << 20, Ffree: 1 << 20, Bsize: blockSize, Frsize: blockSize, NameLen: 255}
	return 0
}

func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_TRUNC != 0 {
		n.disk.truncate(n.inode, 0)
	}
	return nil, fuse.FOPEN_KEEP_CACHE, 0 // only the kernel changes what it has cached
}

func (n *node) Read(_ context.Context, _ fs.FileHandle, p []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	return fuse.ReadResultData(p[:n.disk.read(n.inode, p, offset)]), 0
}

func (n *node) Write(_ context.Context, _ fs.FileHandle, p []byte, offset int64) (uint32, syscall.Errno) {
	n.disk.write(n.inode, p, offset)
	return uint32(len(p)), 0
}

// Fsync is called for files and directories.
func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	n.disk.sync(n.inode)
	return 0
}

// Flush is called when a file is closed, which makes nothing durable.
func (n *node) Flush(context.Context, fs.FileHandle) syscall.Errno { return 0 }

// keepSize is FALLOC_FL_KEEP_SIZE.
const keepSize = 1

func (n *node) Allocate(_ context.Context, _ fs.FileHandle, offset, size uint64, mode uint32) syscall.Errno {
	if mode != keepSize {
		return syscall.EOPNOTSUPP
	}
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	n.reserved = max(n.reserved, int64(offset+size))
	return 0
}
