package clients

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/swr/v2/model"
)

// keep is a rule that keeps n tags and those that are named.
func keep(n string, names ...string) []model.Rule {
	var params any = map[string]string{"num": n}
	rule := model.Rule{Template: model.GetRuleTemplateEnum().TAG_RULE, Params: &params, TagSelectors: []model.TagSelector{}}
	for _, name := range names {
		rule.TagSelectors = append(rule.TagSelectors, model.TagSelector{Kind: "label", Pattern: name})
	}
	return []model.Rule{rule}
}

// TestCloudRetention sets, shows, changes and removes a policy, and reads what
// it did (swr.md 17, item 8): the exempt tag is not counted and stays, and the
// history has a line for each tag that went.
func TestCloudRetention(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	for _, tag := range []string{"release", "1", "2", "3", "4"} {
		push(t, s, "lab:"+tag, newImage(t, 1))
	}
	made, err := c.repos.CreateRetention(&model.CreateRetentionRequest{Namespace: org, Repository: "lab",
		Body: &model.CreateRetentionRequestBody{Algorithm: "or", Rules: keep("2", "release")}})
	ok(t, err)
	if diff := cmp.Diff([]string{"3", "4", "release"}, tagsOf(t, c, "lab")); diff != "" {
		t.Errorf("tags after the policy was made (-want +got):\n%s", diff)
	}
	_, err = c.repos.CreateRetention(&model.CreateRetentionRequest{Namespace: org, Repository: "lab",
		Body: &model.CreateRetentionRequestBody{Algorithm: "or", Rules: keep("1")}})
	wantRefused(t, err, http.StatusBadRequest, "SVCSTG.SWR.4000014") // there is one
	all, err := c.repos.ListRetentions(&model.ListRetentionsRequest{Namespace: org, Repository: "lab"})
	ok(t, err)
	want(t, "policies", len(*all.Body), 1)
	want(t, "policy", (*all.Body)[0].Id, *made.Id)
	shown, err := c.repos.ShowRetention(&model.ShowRetentionRequest{Namespace: org, Repository: "lab", RetentionId: *made.Id})
	ok(t, err)
	want(t, "selector", (*shown.Rules)[0].TagSelectors[0], model.TagSelector{Kind: "label", Pattern: "release"})

	_, err = c.repos.UpdateRetention(&model.UpdateRetentionRequest{Namespace: org, Repository: "lab", RetentionId: *made.Id,
		Body: &model.UpdateRetentionRequestBody{Algorithm: "or", Rules: keep("1", "release")}})
	ok(t, err)
	if diff := cmp.Diff([]string{"4", "release"}, tagsOf(t, c, "lab")); diff != "" {
		t.Errorf("tags after the policy was changed (-want +got):\n%s", diff)
	}
	_, err = c.repos.DeleteRetention(&model.DeleteRetentionRequest{Namespace: org, Repository: "lab", RetentionId: *made.Id})
	ok(t, err)
	_, err = c.repos.ShowRetention(&model.ShowRetentionRequest{Namespace: org, Repository: "lab", RetentionId: *made.Id})
	wantRefused(t, err, http.StatusNotFound, "SVCSTG.SWR.4000306")
	history, err := c.repos.ListRetentionHistories(&model.ListRetentionHistoriesRequest{Namespace: org, Repository: "lab", Limit: ptr("2"), Offset: ptr("0")})
	ok(t, err)
	want(t, "tags that went", *history.Total, 3)
	want(t, "range of the history", *history.ContentRange, "0-2/3")
	want(t, "tag that went last", (*history.RetentionLog)[0].Tag, "3")
	s.Check(t)
}

// TestCloudRetentionByDate sets the other kind of policy, with the other kind of
// selector: nothing is old enough to go.
func TestCloudRetentionByDate(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	push(t, s, "lab:1", newImage(t, 1))
	var params any = map[string]string{"days": "30"}
	byDate := []model.Rule{{Template: model.GetRuleTemplateEnum().DATE_RULE, Params: &params, TagSelectors: []model.TagSelector{{Kind: "regexp", Pattern: "^v[0-9]+$"}}}}
	made, err := c.repos.CreateRetention(&model.CreateRetentionRequest{Namespace: org, Repository: "lab",
		Body: &model.CreateRetentionRequestBody{Algorithm: "or", Rules: byDate}})
	ok(t, err)
	shown, err := c.repos.ShowRetention(&model.ShowRetentionRequest{Namespace: org, Repository: "lab", RetentionId: *made.Id})
	ok(t, err)
	if diff := cmp.Diff(map[string]any{"days": "30"}, *(*shown.Rules)[0].Params); diff != "" {
		t.Errorf("parameters (-set +shown):\n%s", diff)
	}
	want(t, "selector", (*shown.Rules)[0].TagSelectors[0], byDate[0].TagSelectors[0])
	_, err = c.repos.UpdateRetention(&model.UpdateRetentionRequest{Namespace: org, Repository: "lab", RetentionId: *made.Id,
		Body: &model.UpdateRetentionRequestBody{Algorithm: "or", Rules: keep("1")}})
	wantRefused(t, err, http.StatusBadRequest, "SVCSTG.SWR.4000014") // the kind stays
	if diff := cmp.Diff([]string{"1"}, tagsOf(t, c, "lab")); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

// tagsOf returns the tags of a repository, ordered by name.
func tagsOf(t *testing.T, c *cloud, repo string) (names []string) {
	t.Helper()
	found, err := c.repos.ListRepositoryTags(&model.ListRepositoryTagsRequest{Namespace: org, Repository: repo, OrderColumn: ptr("tag"), OrderType: ptr("asc")})
	ok(t, err)
	for _, tag := range *found.Body {
		names = append(names, tag.Tag)
	}
	return names
}

// TestCloudTags moves tags and reads one.
func TestCloudTags(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	one, two := newImage(t, 1), newImage(t, 1)
	push(t, s, "lab:1", one)
	push(t, s, "lab:2", two)
	retag := func(from, to string, override bool) error {
		_, err := c.repos.CreateRepoTag(&model.CreateRepoTagRequest{Namespace: org, Repository: "lab",
			Body: &model.CreateRepoTagRequestBody{SourceTag: from, DestinationTag: to, Override: &override}})
		return err
	}
	ok(t, retag("1", "latest", false))
	wantRefused(t, retag("2", "latest", false), http.StatusConflict, "SVCSTG.SWR.4090006")
	ok(t, retag("2", "latest", true))
	wantRefused(t, retag("3", "latest", true), http.StatusNotFound, "SVCSTG.SWR.4040115")
	shown, err := c.repos.ShowRepoTag(&model.ShowRepoTagRequest{Namespace: org, Repository: "lab", Tag: "latest"})
	ok(t, err)
	want(t, "tag", *shown.Tag, "latest")
	want(t, "digest", *shown.Digest, digestOf(t, two))
	page, err := c.repos.ListRepositoryTags(&model.ListRepositoryTagsRequest{Namespace: org, Repository: "lab", Limit: ptr("2"), Offset: ptr("1")})
	ok(t, err)
	want(t, "range of the second page", *page.ContentRange, "1-2/3")
}

// TestCloudStatistics reads what an account has, and the versions of the API.
func TestCloudStatistics(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	push(t, s, "lab:1", newImage(t, 1))
	_, err := c.repos.UpdateRepo(&model.UpdateRepoRequest{Namespace: org, Repository: "lab",
		Body: &model.UpdateRepoRequestBody{IsPublic: true, Description: ptr("for everybody"), Category: ptr(model.GetUpdateRepoRequestBodyCategoryEnum().ARMS)}})
	ok(t, err)
	repo, err := c.repos.ShowRepository(&model.ShowRepositoryRequest{Namespace: org, Repository: "lab"})
	ok(t, err)
	want(t, "public", *repo.IsPublic, true)
	want(t, "description", *repo.Description, "for everybody")
	space, err := c.repos.ShowNamespace(&model.ShowNamespaceRequest{Namespace: org})
	ok(t, err)
	want(t, "creator", *space.CreatorName, "admin")
	overview, err := c.repos.ShowDomainOverview(&model.ShowDomainOverviewRequest{})
	ok(t, err)
	want(t, "organisations", *overview.NamspaceNum, 1)
	want(t, "repositories", *overview.RepoNum, 1)
	want(t, "images", *overview.ImageNum, 1)
	kinds := model.GetShowDomainResourceReportsRequestResourceTypeEnum()
	for _, kind := range []model.ShowDomainResourceReportsRequestResourceType{kinds.DOWNFLOW, kinds.STORE} {
		report, err := c.repos.ShowDomainResourceReports(&model.ShowDomainResourceReportsRequest{
			ResourceType: kind, Frequency: model.GetShowDomainResourceReportsRequestFrequencyEnum().DAILY})
		ok(t, err)
		want(t, "days of "+kind.Value(), len(*report.Body), 30)
	}
	versions, err := c.repos.ListApiVersions(&model.ListApiVersionsRequest{})
	ok(t, err)
	want(t, "version", (*versions.Versions)[0].Id, "v2")
	version, err := c.repos.ShowApiVersion(&model.ShowApiVersionRequest{ApiVersion: "v2"})
	ok(t, err)
	want(t, "version", version.Version.Id, "v2")
}
