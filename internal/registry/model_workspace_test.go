package registry

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"easel"
)

// maxModelWorkspaces bounds those that there are at a time.
const maxModelWorkspaces = 2

// workspace draws the default one, one that is there, or one that is gone.
func (m *machine) workspace(t *rapid.T) string {
	return rapid.SampledFrom(append(slices.Sorted(maps.Keys(m.workspaces)), easel.DefaultWorkspace, easel.DefaultWorkspace)).Draw(t, "workspace")
}

// isWorkspace is whether images can be in it.
func (m *model) isWorkspace(id string) bool { return id == easel.DefaultWorkspace || m.workspaces[id] }

func (m *machine) makeWorkspace(t *rapid.T) {
	there := 0
	for _, is := range m.workspaces {
		if is {
			there++
		}
	}
	if there >= maxModelWorkspaces {
		t.Skip("enough workspaces")
	}
	w, err := m.db.CreateWorkspace(context.Background(), alice, easel.Workspace{Project: "p", Name: fmt.Sprint("workspace-", len(m.workspaces)), Access: easel.Public})
	check(t, err)
	m.workspaces[w.ID] = true
}

func (m *machine) deleteWorkspace(t *rapid.T) {
	id := m.workspace(t)
	may := m.workspaces[id]
	for _, i := range m.images {
		may = may && i.workspace != id
	}
	err := m.db.DeleteWorkspace(context.Background(), alice, "p", id)
	wants(t, err, may, easel.NotFound, easel.InUse)
	if err == nil {
		m.workspaces[id] = false
	}
}

// comesHome puts an image that is restored into its workspace, or, if that
// is gone, into the default one: then it is true.
func (m *model) comesHome(i *modelImage) bool {
	if m.isWorkspace(i.workspace) {
		return false
	}
	i.workspace = easel.DefaultWorkspace
	return true
}
