package powerloss

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// power is a disk that is mounted and may lose power.
type power struct {
	dir string // where it is mounted

	mu     sync.Mutex // guards what follows
	disk   *disk
	server *fuse.Server // nil: not mounted
	r      *rand.Rand
	losses int
}

// plug mounts the disk at the directory dir, which must be there.
func plug(dir string, d *disk, seed uint64) (*power, error) {
	p := &power{dir: dir, disk: d, r: rand.New(rand.NewPCG(seed, 0))}
	return p, p.mount()
}

func (p *power) mount() error {
	mounting.Lock()
	defer mounting.Unlock()
	var attributes, entries time.Duration = 0, time.Second
	server, err := fs.Mount(p.dir, &node{disk: p.disk, inode: p.disk.root}, &fs.Options{
		AttrTimeout:  &attributes, // the number of links changes behind the kernel's back
		EntryTimeout: &entries,
		MountOptions: fuse.MountOptions{
			DirectMount: true, FsName: "powerloss", Name: "powerloss", MaxWrite: 1 << 20,
			ExplicitDataCacheControl: true, // a new time is no reason to drop what is mapped
		},
	})
	if err != nil {
		return fmt.Errorf("mount with FUSE, which needs /dev/fuse and the rights of root or fusermount3: %w", err)
	}
	p.server = server
	return keepDevices()
}

// mounting is held for writing while a file system is mounted, and for reading
// while a program is started: the library opens /dev/fuse and a file of the new
// mount such that a program which starts at that moment inherits them. It would
// keep the disk busy, and what the disk never answers unanswered, for its life.
var mounting sync.RWMutex

// start starts cmd without what it should not inherit.
func start(cmd *exec.Cmd) error {
	mounting.RLock()
	defer mounting.RUnlock()
	return cmd.Start()
}

// keepDevices keeps /dev/fuse from programs that are started from now on.
func keepDevices() error {
	const dir = "/proc/self/fd"
	open, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range open {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil || target != "/dev/fuse" {
			continue // the directory's own descriptor is gone by now
		}
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			return err
		}
		syscall.CloseOnExec(fd)
	}
	return nil
}

// unplug unmounts the disk: nobody may have a file of it open.
func (p *power) unplug() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unmount()
}

func (p *power) unmount() error {
	if p.server == nil {
		return nil
	}
	var err error
	for ends := time.Now().Add(busyFor); ; time.Sleep(10 * time.Millisecond) {
		if err = p.server.Unmount(); err == nil {
			p.server = nil
			return nil
		}
		if time.Now().After(ends) {
			return fmt.Errorf("unmount %s: %w", p.dir, err)
		}
	}
}

// busyFor is how long a disk may stay busy that nobody uses any more: the
// kernel lets go of the files of a process a moment after it has ended.
const busyFor = 10 * time.Second

// lose takes the power away and gives it back: every second time everything
// that was not synced is gone, otherwise a random part of it.
func (p *power) lose() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.unmount(); err != nil {
		return err
	}
	p.losses++
	p.disk = p.disk.lose(p.fate())
	return p.mount()
}

// fate decides what survives a loss although it was not synced.
func (p *power) fate() (keep func() bool) {
	if p.losses%2 == 1 {
		return func() bool { return false }
	}
	likely := p.r.Float64()
	return func() bool { return p.r.Float64() < likely }
}
