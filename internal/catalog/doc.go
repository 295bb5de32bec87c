// Package catalog is the only package that contains SQL. It holds identity,
// organisations, repositories, the content model and image records on SQLite
// or PostgreSQL, with one text for both.
//
// One exported method is one transaction. Unexported helpers take a *tx and
// never commit. The package asks nobody "may I": callers decide with the
// grants it returns.
//
// # Conservation of storage keys
//
// Every object that may exist in the blob store is named by exactly one row
// of exactly one of the tables upload, blob and garbage. A key is random,
// recorded in upload before the first byte is written, and never used again.
// Committing an upload moves the key to blob (or to garbage, when the digest
// is already stored); deleting moves it from blob to garbage. There is
// nothing to collect, and nothing to check twice before unlinking.
//
// # Safety and liveness
//
// References are rows with immediate foreign keys, so a deletion cannot
// remove too much: ref and pin → link → blob; tag, child and mpin → manifest.
// Two explicit locks keep it from leaving too much behind: repository rows by
// id, then blob rows by digest, each in its own statement before the
// statement that decides (PostgreSQL; on SQLite BEGIN IMMEDIATE is the lock).
// A transaction that fails with a serialisation failure, a deadlock or a
// foreign key is run again as a whole.
//
// # Pins
//
// Whoever may push and is told that content is there gets a pin: a row per
// repository, blob (pin) or manifest (mpin) and user, with an exact count and
// an end. The manifest that names the content takes one count back. A
// deletion removes ended pins only; what is pinned goes when its last pin ends.
//
// # The ledger
//
// A scope holds a blob when a manifest in one of its repositories names it.
// What a scope holds is exclusive when no manifest elsewhere names it, else
// shared. A blob that no manifest names is held by nobody: pins and uploads
// are few, and are added up when somebody asks.
//
// So the ledger changes in two places only: where a repository's first
// reference to a blob comes (gains), and where its last one goes (loses). Both
// happen under the repository's lock and, on PostgreSQL, under the blob's,
// without which two of them would each see the other's absence.
//
// That a blob is shared is known from its own row: for each kind of scope it
// names the only one that holds it, or says that there are several. Only when
// one of several goes is the rest looked at, and then until a second one is
// found. The figures of a scope are a row of ledger plus its rows of
// ledger_entry. Transactions only add to the latter: two pushes to one
// organisation do not wait for each other's commit. FoldLedger adds them up.
//
// # Parameters
//
// A statement on several tables that every push or deletion needs compares
// with CAST($1 AS BIGINT) and not with $1: SQLite looks at the value of a bare
// parameter when it plans such a statement, and would plan it anew for each
// other repository.
package catalog
