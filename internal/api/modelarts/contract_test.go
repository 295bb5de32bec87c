package modelarts_test

import (
	"testing"

	"easel/internal/api/apitest"
	"easel/internal/api/modelarts"
)

func TestContract(t *testing.T) {
	t.Parallel()
	apitest.Contract(t, modelarts.New(nil, nil, modelarts.Options{}).Patterns(), modelarts.OpenAPI)
}
