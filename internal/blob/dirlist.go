package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"regexp"
)

// List implements Store. Objects that are made or deleted meanwhile may be
// listed or not. Strays are named by their path in the directory.
func (d *Dir) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if err := d.walk(ctx, func(i Info) bool { return yield(i, nil) }); err != nil {
			yield(Info{}, fmt.Errorf("list objects: %w", err))
		}
	}
}

var shardName = regexp.MustCompile(`^[0-9a-f]{2}$`)

// walk calls each for everything until it returns false.
func (d *Dir) walk(ctx context.Context, each func(Info) bool) error {
	top, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, e := range top {
		// A disk of its own has a lost+found at its root.
		if e.Name() == objects || e.Name() == "lost+found" {
			continue
		}
		if more, err := stray(e, e.Name(), each); err != nil || !more {
			return err
		}
	}
	shards, err := os.ReadDir(filepath.Join(d.path, objects))
	if err != nil {
		return err
	}
	for _, e := range shards {
		list := d.walkShard
		if !e.IsDir() || !shardName.MatchString(e.Name()) {
			list = func(_ context.Context, name string, each func(Info) bool) (bool, error) {
				return stray(e, path.Join(objects, name), each)
			}
		}
		if more, err := list(ctx, e.Name(), each); err != nil || !more {
			return err
		}
	}
	return nil
}

// walkShard reads the shard in batches: one that holds a million objects does
// not have to fit into memory.
func (d *Dir) walkShard(ctx context.Context, name string, each func(Info) bool) (more bool, err error) {
	dir, err := os.Open(filepath.Join(d.path, objects, name))
	if err != nil {
		return gone(err)
	}
	defer dir.Close()
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		entries, err := dir.ReadDir(1024)
		for _, e := range entries {
			if more, err := d.walkEntry(name, e, each); err != nil || !more {
				return false, err
			}
		}
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
}

func (d *Dir) walkEntry(shard string, e fs.DirEntry, each func(Info) bool) (more bool, err error) {
	key := Key(e.Name())
	if !e.Type().IsRegular() || !key.Valid() || string(key[:2]) != shard {
		return stray(e, path.Join(objects, shard, e.Name()), each)
	}
	info, err := e.Info()
	if err != nil {
		return gone(err)
	}
	return each(Info{Key: key, Size: info.Size(), ModTime: info.ModTime()}), nil
}

func stray(e fs.DirEntry, name string, each func(Info) bool) (more bool, err error) {
	info, err := e.Info()
	if err != nil {
		return gone(err)
	}
	i := Info{Stray: name, ModTime: info.ModTime()}
	if info.Mode().IsRegular() {
		i.Size = info.Size()
	}
	return each(i), nil
}

// gone goes on when something was deleted between being named and looked at.
func gone(err error) (more bool, _ error) {
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}
