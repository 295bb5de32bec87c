package peer

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// DistributionVersion is the version of CNCF's registry that is compared with.
const DistributionVersion = "v3.1.2"

const distributionModule = "github.com/distribution/distribution/v3/cmd/registry"

// InstallDistribution returns CNCF's registry program, which it builds below
// cache, "" being the user's cache directory, unless it is there.
func InstallDistribution(ctx context.Context, cache string) (string, error) {
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "easel-bench")
	}
	cache, err := filepath.Abs(filepath.Join(cache, "distribution-"+DistributionVersion))
	if err != nil {
		return "", err
	}
	program := filepath.Join(cache, "registry")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	cmd := exec.CommandContext(ctx, "go", "install", distributionModule+"@"+DistributionVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+cache, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install distribution: %w: %s", err, out)
	}
	return program, nil
}
