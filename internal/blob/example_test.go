package blob_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"easel/internal/blob"
)

// An upload arrives in two requests; between them only the catalogue knows how
// far it came.
func Example() {
	path, err := os.MkdirTemp("", "blobs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(path)
	store, err := blob.OpenDir(path)
	if err != nil {
		log.Fatal(err)
	}
	ctx, key := context.Background(), blob.NewKey()

	state := blob.State{}
	for _, chunk := range []string{"Hello, ", "world!"} {
		w, err := store.Resume(ctx, key, state)
		if err != nil {
			log.Fatal(err)
		}
		io.WriteString(w, chunk)
		if state, err = w.Checkpoint(ctx); err != nil {
			log.Fatal(err)
		}
		w.Close()
	}
	w, err := store.Resume(ctx, key, state)
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Finish(ctx); err != nil {
		log.Fatal(err)
	}
	w.Close()

	o, err := store.Open(ctx, key)
	if err != nil {
		log.Fatal(err)
	}
	defer o.Close()
	content, _ := io.ReadAll(o)
	fmt.Printf("%d bytes: %s\n", o.Size(), content)
	// Output: 13 bytes: Hello, world!
}
