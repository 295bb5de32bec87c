package easel_test

import (
	"errors"
	"fmt"

	"easel"
)

func ExampleParseImagePath() {
	p, err := easel.ParseImagePath("127.0.0.1:8580/team/torch:2.3")
	fmt.Println(p.Registry, p.Repo.Org(), p.Repo.Name(), p.Tag, err)
	// Output: 127.0.0.1:8580 team torch 2.3 <nil>
}

func ExampleE() {
	err := fmt.Errorf("delete team/torch:2.3: %w", easel.E(easel.InUse, "image", "notebook n1 uses it"))
	fmt.Println(errors.Is(err, easel.InUse), easel.AsError(err).Msg)
	// Output: true notebook n1 uses it
}
