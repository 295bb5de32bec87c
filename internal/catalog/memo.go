package catalog

import (
	"strings"
	"sync"
)

// memo keeps answers until a commit may have changed them. It exists on
// SQLite only, where one process owns the database and every write goes
// through its group: from just before a commit until just after it, nobody is
// answered from memory about what it changes, and then all of that is
// forgotten. So memory is never behind what a question to the database would
// have found. No answer may depend on the time, nor be changed by its reader.
// On PostgreSQL, where others write too, every question is asked.
type memo struct {
	mu     sync.Mutex
	topics [topics]answers
}

// answers are the answers about a topic.
type answers struct {
	version   uint64
	changing  bool           // a commit is under way
	now, past map[any]answer // past is dropped when now is full
}

type answer struct {
	version uint64
	value   any
}

// topic is a set of tables that answers are read from.
type topic uint8

const (
	rights  topic = iota // who there is, and who may do what where
	images               // image records and their groups
	content              // manifests and tags
	topics
)

// maxMemo bounds each of the two maps of a topic. An answer about rights or
// images has some hundred bytes, a manifest up to maxBody.
var maxMemo = [topics]int{rights: 2048, images: 1024, content: 128}

// maxBody is the longest manifest that is remembered, in bytes.
const maxBody = 16 << 10

// remember returns what read returns, or returned since the topic last
// changed. key names the question, its type included; errors are not kept.
func remember[T any](m *memo, on topic, key any, read func() (T, error)) (T, error) {
	return rememberIf(m, on, key, read, func(T) bool { return true })
}

// rememberIf is remember that only keeps answers which are worth it.
func rememberIf[T any](m *memo, on topic, key any, read func() (T, error), worth func(T) bool) (T, error) {
	if m == nil {
		return read()
	}
	value, version, ok := m.get(on, key)
	if ok {
		return value.(T), nil
	}
	v, err := read()
	if err == nil && worth(v) {
		m.put(on, key, answer{version, v}) // with the version from before the question: a commit meanwhile made it old
	}
	return v, err
}

// get also returns the version that an answer from now on is put with.
func (m *memo) get(on topic, key any) (value any, version uint64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := &m.topics[on]
	if k.changing {
		return nil, k.version, false
	}
	a, ok := k.now[key]
	if !ok {
		if a, ok = k.past[key]; ok && a.version == k.version {
			k.keep(key, a, maxMemo[on])
		}
	}
	return a.value, k.version, ok && a.version == k.version
}

func (m *memo) put(on topic, key any, a answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := &m.topics[on]; a.version == k.version && !k.changing {
		k.keep(key, a, maxMemo[on])
	}
}

func (k *answers) keep(key any, a answer, limit int) {
	if len(k.now) >= limit || k.now == nil {
		k.now, k.past = make(map[any]answer), k.now
	}
	k.now[key] = a
}

// change is called before a commit that changes something in changed, and
// the function it returns when the commit has ended, well or not.
func (m *memo) change(changed topicSet) (end func()) {
	m.each(changed, func(k *answers) { k.changing = true })
	return func() {
		m.each(changed, func(k *answers) { *k = answers{version: k.version + 1} })
	}
}

func (m *memo) each(set topicSet, f func(*answers)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for t := range topics {
		if set&(1<<t) != 0 {
			f(&m.topics[t])
		}
	}
}

// topicSet is a set of topics, bit by bit.
type topicSet uint8

const everything topicSet = 1<<topics - 1

// changes returns the topics that a statement may change. One that is not
// known to leave them alone changes everything.
func changes(query string) topicSet {
	words := strings.Fields(query)
	if len(words) == 0 {
		return everything
	}
	table := ""
	switch {
	case words[0] == "SELECT", words[0] == "SAVEPOINT", words[0] == "RELEASE", words[0] == "ROLLBACK", words[0] == "BEGIN", words[0] == "COMMIT":
		return 0
	case words[0] == "UPDATE" && len(words) > 1:
		table = words[1]
	case (words[0] == "INSERT" || words[0] == "DELETE") && len(words) > 2:
		table = words[2] // after INTO or FROM
	}
	table, _, _ = strings.Cut(table, "(")
	switch table {
	case "retention", "retention_log", "domain_day":
		return 0 // as below
	case "image", "image_group", "image_count":
		return 1 << images
	case "manifest", "tag":
		return 1 << content
	case "upload", "blob", "garbage", "link", "pin", "mpin", "ref", "child", "audit", "audit_chain", "hook", "delivery", "ledger", "ledger_entry", "manifest_use", "reserve", "setting", "job", "job_image":
		return 0 // nothing of a topic is in them, and no foreign key leads from them to a topic
	case "immutable_tag", "sso_user", "trash", "trash_manifest", "trash_blob":
		return 0
	case "token", "trust":
		if words[0] == "INSERT" {
			return 0 // there was no answer about it: that a token is not there is not remembered
		}
		return 1 << rights
	case "repo":
		if words[0] == "UPDATE" && !strings.Contains(query, "is_public") {
			return 0 // of a repository only whether it is public is a right
		}
		return 1 << rights
	case "domain", "project", "account", "access_key", "temporary_key", "org", "org_grant", "repo_grant", "share",
		"user_group", "member", "policy", "assignment", "workspace", "workspace_user":
		return 1 << rights
	}
	return everything
}
