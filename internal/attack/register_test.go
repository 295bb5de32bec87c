package attack

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// known is one attack with the tests that hold it: "DIRECTORY NAME", where NAME
// is a test function, a case of a table, or a script.
type known struct {
	number int
	attack string
	held   []string
	absent string // why nothing holds it: what is attacked does not exist
}

// register is the list of attacks that Easel was designed against.
var register = []known{
	{1, "delete with no byte free, with and without a writer", []string{
		"internal/registry TestFullDisk", "internal/registry TestFullDiskGivesBackWhatArrived", "internal/registry TestLowSpace", "internal/api/ociapi TestFullDisk"}, ""},
	{2, "kill the server at every step of a deletion", []string{
		"cmd/easel/testdata/script crash.txtar", "internal/failpoint TestNames", "internal/failpoint TestKill", "cmd/easel-soak/crash.go"}, ""},
	{3, "push of a digest whose last reference is being deleted", []string{
		"internal/attack TestToldIsTrue", "internal/registry TestToldMeansPinned", "internal/catalog/catalogtest HeadAgainstDeletion",
		"internal/catalog/catalogtest MountAgainstDeletion", "internal/catalog/catalogtest UploadAgainstDeletion", "internal/catalog/catalogtest WhoeverWasToldItIsThereCanPush"}, ""},
	{4, "push of content that was just deleted", []string{
		"internal/attack 4 content that was just deleted comes back byte for byte", "internal/catalog/catalogtest RePushHasAnotherKey"}, ""},
	{5, "reading a deleted blob that another repository still has", []string{
		"internal/attack 5 a deleted blob stays unreadable here although another repository has it", "internal/registry TestHiddenContent"}, ""},
	{6, "a refused deletion tried by every route", []string{
		"internal/catalog/catalogtest InUseRefusesEveryRoute", "internal/catalog/catalogtest BuiltInRefusesItsTagsDeletion", "internal/api/swr TestDeleteInUse", "internal/api/easelapi TestRefusals"}, ""},
	{7, "children of indexes, shared, nested, missing, too many", []string{
		"internal/attack 7 an index of an index of an index", "internal/attack 7 an index that names itself or nobody", "internal/catalog/catalogtest ChildOfAnIndexIsRefused",
		"internal/catalog/catalogtest ChildrenGoWithTheirIndex", "internal/catalog/catalogtest NestedIndexes", "internal/catalog/catalogtest PutNeedsEveryChild", ". too many layers"}, ""},
	{8, "one of two tags of a digest; a digest while tags are added", []string{
		"internal/catalog/catalogtest OneOfTwoTags", "internal/catalog/catalogtest DigestTakesAllItsTags", "internal/catalog/catalogtest TwoLastTagsAtOnce"}, ""},
	{9, "referrers: many, chained, early, elsewhere", []string{
		"internal/attack 9 referrers of referrers, and one in another repository", "internal/registry TestReferrerPages", "internal/catalog/catalogtest ReferrersGoWithTheirSubject",
		"internal/catalog/catalogtest ReferrerWaitsForItsSubject", "internal/catalog/catalogtest ReferrerAgainstItsSubject"}, ""},
	{10, "images that share layers deleted by many at once", []string{
		"internal/attack 10 two domains delete the same layers at once", "internal/catalog/catalogtest TwoDeletionsOfTwoRepositoriesShareALayer"}, ""},
	{11, "a layer twice, as configuration, or without bytes", []string{
		"internal/attack 11 one digest as configuration and as every layer", "internal/attack 11 a layer without bytes", "internal/catalog/catalogtest LayerListedTwice"}, ""},
	{12, "deletion while a pull streams", []string{"internal/attack TestPullDuringDeletion", "internal/registry TestReadDuringDeletion", "internal/registry TestBlobMovesWhileOpening"}, ""},
	{13, "deletion during deletion", []string{"internal/attack 13 one image deleted by fifty clients at once", "internal/catalog/catalogtest OneImageDeletedByMany", "internal/api/modelarts TestRaces"}, ""},
	{14, "deletion over quota", []string{"internal/registry TestSpaceQuota", "internal/catalog/catalogtest SpaceQuotaIsExact"}, ""},
	{15, "clocks, file times and backups that disagree", []string{
		"internal/attack 15 objects seem to be from another century", "internal/attack 15 the objects are from an older backup than the database",
		"internal/attack 15 the database is from an older backup than the objects", "internal/identity TestVerifyClock", "internal/registry TestUploadExpires", "internal/catalog/catalogtest EndedPinHoldsNothing"}, ""},
	{16, "objects that cannot be unlinked, or are gone", []string{
		"internal/attack 16 an object cannot be unlinked", "internal/attack 16 an object is gone already", "internal/blob TestDirRefusesIrregular", "internal/registry TestDamagedBlobIsNotServed"}, ""},
	{17, "retention, deletion and undo at once", []string{
		"internal/catalog OneGoesToTrashWhileTheLastLinkGoes", "internal/catalog PurgeOfWhatIsBeingRestored", "internal/catalog PushOfWhatIsBeingRestored",
		"internal/catalog TestUndo", "internal/registry TestRunRetention"}, ""},
	{18, "another's upload session; gaps, overlaps, wrong digests, restarts", []string{
		"internal/attack TestUploadSessions", "internal/registry TestStrangersSession", "internal/registry TestUploadResumesAfterRestart", "internal/registry TestFinishVerifiesDigest",
		"internal/registry TestOneWriterPerSession", "internal/api/ociapi TestStrangersUpload", "internal/api/ociapi TestParseChunk"}, ""},
	{19, "ids of another project in every path and body", []string{"internal/attack TestMatrix", "internal/attack TestMatrixIsComplete", "internal/api/modelarts TestForeignIDs", "internal/workbench TestIsolation"}, ""},
	{20, "mount or HEAD of a digest without the right to read it", []string{"internal/attack TestMounts", "internal/registry TestMount", "internal/catalog/catalogtest HoldersAreThoseOneMayRead"}, ""},
	{21, "overwriting tags with less than the right to push", []string{"internal/attack TestOverwriting", "internal/identity TestGrant"}, ""},
	{22, "rights that end while a token lives", []string{"internal/attack TestRights", "internal/identity TestRegistryTokenEndsWithItsSubject", "internal/identity TestTokenEndsWithItsUser"}, ""},
	{23, "forged registry tokens", []string{"internal/identity TestRegistryTokenAttacks", "internal/identity FuzzVerifyRegistryToken"}, ""},
	{24, "signatures: replayed, stale, altered, unsigned body, another project", []string{
		"internal/attack TestSignatures", "internal/identity TestVerifyRefuses", "internal/identity TestVerifyClock", "internal/identity TestVerifyContext", "internal/identity FuzzDifferential", "internal/api/modelarts TestOrderOfChecks"}, ""},
	{25, "rights by extra fields; default passwords", []string{"internal/attack TestNobodyBecomesAdmin", "internal/identity TestBootstrapMakesWhatIsNotGiven"}, ""},
	{26, "what is open to nobody", []string{"internal/attack TestSurface", "internal/app TestLocal", "cmd/easel/testdata/script urls.txtar"}, ""},
	{27, "SQL, wildcards, NUL and long names", []string{"internal/attack TestHostileText", "internal/catalog TestImagesFilter", "internal/catalog TestRepos"}, ""},
	{28, "paths that lead out", []string{"internal/attack TestHostileText", "internal/attack TestSurface", "internal/api/ociapi TestParse", "internal/api/swr TestSlashForms", "internal/blob TestDirFollowsNoLink"}, ""},
	{29, "pages of -1, 0 and 2^63", []string{"internal/attack TestHostileText", "internal/api/ociapi TestParsePage", "internal/api/swr TestPage", "internal/api/modelarts TestListQueries"}, ""},
	{30, "large, slow, nested and contradictory bodies", []string{
		"internal/attack TestManifests", "internal/attack TestSizes", "internal/attack TestDuplicateKeys", "internal/attack TestBrokenRequests", "internal/api TestPacedBody",
		"internal/api/ociapi TestManifestLimit", "internal/api/modelarts TestLargeBodies"}, ""},
	{31, "media types that disagree; layers that live elsewhere", []string{"internal/attack TestManifests", ". TestParseManifestRefuses", "internal/catalog/catalogtest ForeignLayerNeedNotBeThere"}, ""},
	{32, "digests of other algorithms and spellings", []string{"internal/attack TestManifests", "internal/api/ociapi TestParse", "internal/registry TestPutManifestRefuses", ". FuzzParseRef"}, ""},
	{33, "being made to fetch", []string{"internal/attack 33 a proxy request", "internal/attack 31 a layer that lives elsewhere is not fetched", "internal/identity TestExchangeRefused", "internal/issuer TestKeys"}, ""},
	{34, "header and log injection", []string{"internal/attack TestHostileText", "internal/attack 34 a line feed in a header"}, ""},
	{35, "stored markup, cross-origin requests, redirects", []string{"internal/attack TestStoredMarkup", "internal/attack TestSurface", "internal/attack TestHost", "internal/api/docs TestStyleIsAllowed", "internal/api/docs TestProse"}, ""},
	{36, "hostile file systems in saved notebooks", nil, "there are no notebooks"},
	{37, "floods, and guesses at passwords", []string{"internal/attack TestLimits", "internal/attack TestGuessing", "internal/api TestLimiterIsBounded",
		"internal/identity TestLockoutGrows", "internal/identity TestLockoutIsTheStrangersOwn", "internal/registry TestWritersAreBounded", "internal/identity TestPasswordQueue", "internal/catalog TestGroupCommit", "internal/catalog TestOrgQuotaAtOnce", "internal/catalog TestReposWalk"}, ""},
	{38, "two processes on one directory", []string{"internal/app TestTake", "cmd/easel/testdata/script two_servers.txtar"}, ""},
	{39, "more with a robot's key than the robot may", []string{"internal/attack TestRobots", "internal/attack TestRobotsEnd", "internal/policy TestBounded", ". TestBoundCovers"}, ""},
	{40, "forged and foreign tokens of other issuers; issuers that are down, endless or another's", []string{
		"internal/issuer TestTokens", "internal/issuer TestProviderDown", "internal/issuer TestKeys", "internal/identity TestExchangeRefused", "internal/identity TestExchangeLockout"}, ""},
	{41, "log-ins that are somebody else's: codes, states, names, addresses, groups", []string{
		"internal/issuer TestBrowser", "internal/app TestCallback", "internal/identity TestSignOn", "internal/identity TestSignOnRefused", "internal/identity TestSignOnLockout"}, ""},
	{42, "more with what a token was exchanged for than its trust says", []string{"internal/attack TestExchanged", "internal/identity TestExchange"}, ""},
}

// fuzzed are the parsers of what strangers send, with what fuzzes them.
var fuzzed = map[string]string{
	"manifest": ". FuzzParseManifest", "tag or digest": ". FuzzParseRef", "image path": ". FuzzParseImagePath",
	"registry path": "internal/api/ociapi FuzzParse", "Content-Range of an upload": "internal/api/ociapi FuzzParseContentRange", "Range": "internal/api/ociapi FuzzRange",
	"page of tags": "internal/api/ociapi FuzzPage", "tags of a push": "internal/api/ociapi FuzzTags",
	"Authorization": "internal/identity FuzzParseAuthorization", "canonical request": "internal/identity FuzzCanonical", "signature": "internal/identity FuzzDifferential",
	"scopes": "internal/identity FuzzParseScope", "registry token": "internal/identity FuzzVerifyRegistryToken",
	"log-in": "internal/api/iam FuzzTokenRequest", "filter of projects": "internal/api/iam FuzzProjectFilter",
	"filter of SWR": "internal/api/swr FuzzFilter", "list of SWR": "internal/api/swr FuzzRepoQuery", "slashes of SWR": "internal/api/swr FuzzSlashes",
	"list of images": "internal/api/modelarts FuzzListQuery", "registration of an image": "internal/api/modelarts FuzzRegistration", "workspace": "internal/api/modelarts FuzzWorkspace",
	"query of the audit trail": "internal/api/easelapi FuzzAuditQuery", "address behind a proxy": "internal/api FuzzOriginOf", "configuration file": "internal/app FuzzConfigFile",
	"policy document": "internal/policy FuzzParse", "retention rule": ". FuzzRetentionRule", "directory of another registry": "internal/adopt FuzzParse",
	"address of a hook": "internal/outbound FuzzAllowed", "kept head of the audit trail": "internal/api/easelapi FuzzKeptHead", "query of deliveries": "internal/api/easelapi FuzzDeliveryQuery",
	"size": "internal/app FuzzBytes", "condition on a claim": ". FuzzConditions", "token of another issuer": "internal/issuer FuzzVerify", "keys of an issuer": "internal/issuer FuzzKeys",
}

// TestRegister fails when a test that holds an attack, or fuzzes a parser, is gone.
func TestRegister(t *testing.T) {
	t.Parallel()
	tests := sources{}
	for i, k := range register {
		if k.number != i+1 {
			t.Errorf("attack %d is at place %d", k.number, i+1)
		}
		if (len(k.held) == 0) == (k.absent == "") {
			t.Errorf("attack %d: want tests, or the reason why there are none", k.number)
		}
		for _, h := range k.held {
			if !tests.have(t, h) {
				t.Errorf("attack %d: there is no test %s", k.number, h)
			}
		}
	}
	for parser, target := range fuzzed {
		if !tests.have(t, target) {
			t.Errorf("the parser of the %s has no target %s", parser, target)
		}
	}
}

// sources are the names in the tests of directories that were read.
type sources map[string]map[string]bool

// have reports whether there is the test, case or file "DIRECTORY NAME".
func (s sources) have(t *testing.T, test string) bool {
	t.Helper()
	dir, name, found := strings.Cut(test, " ")
	dir = filepath.Join("../..", dir)
	if !found || strings.HasSuffix(name, ".txtar") {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	if s[dir] == nil {
		s[dir] = namesIn(t, dir)
	}
	return s[dir][name]
}

// namesIn returns the test functions and the texts in the tests of a
// directory, names of cases among them.
func namesIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	must(t, err)
	for _, path := range files {
		if strings.HasSuffix(path, "register_test.go") || !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(dir, "test") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		must(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				names[n.Name.Name] = true
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil {
					names[text] = true
				}
			}
			return true
		})
	}
	return names
}
