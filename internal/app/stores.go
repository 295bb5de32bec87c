package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"easel/internal/blob"
	"easel/internal/catalog"
	"easel/internal/identity"
)

// stores are what an installation keeps, opened for this process alone.
type stores struct {
	locks     locks
	catalog   *catalog.DB
	blobs     *blob.Dir
	masterKey []byte
}

// openStores takes the data directory and opens what is in it, making what is
// not there yet. masterKey, if not empty, replaces the key file; o needs no URL.
func openStores(ctx context.Context, p Place, masterKey string, o catalog.Options) (_ *stores, err error) {
	if err := makeDir(p.DataDir); err != nil {
		return nil, err
	}
	s := &stores{}
	if s.blobs, err = blob.OpenDir(p.blobPath()); err != nil {
		return nil, err
	}
	if s.locks, err = p.take(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.masterKey, err = loadMasterKey(p, masterKey); err != nil {
		return nil, err
	}
	o.URL = p.Database
	if s.catalog, err = catalog.Open(ctx, o); err != nil {
		s.catalog = nil
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return s, nil
}

// loadMasterKey returns the key given, or that of the file in the data
// directory. A new key is made only where nothing was encrypted with another:
// a database without its key is an incomplete restore.
func loadMasterKey(p Place, given string) ([]byte, error) {
	if given != "" {
		key, err := identity.ParseMasterKey(given)
		if err != nil {
			return nil, fmt.Errorf("EASEL_MASTER_KEY: %w", err)
		}
		return key, nil
	}
	path := filepath.Join(p.DataDir, "master.key")
	database, isSQLite := strings.CutPrefix(p.Database, "sqlite:")
	if isSQLite && !isFile(path) && isFile(database) {
		return nil, fmt.Errorf("%s is missing, and the database was made with it: restore it from the backup, or set EASEL_MASTER_KEY", path)
	}
	return identity.LoadMasterKey(path)
}

// close closes the catalogue and lets other processes in.
func (s *stores) close() error {
	var errs []error
	if s.catalog != nil {
		errs = append(errs, s.catalog.Close())
	}
	return errors.Join(append(errs, s.locks.release())...)
}
