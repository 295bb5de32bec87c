// Package attack attacks a whole server the way a stranger would, over TCP:
// other tenants' things, broken and stolen credentials, hostile input, and
// deletions that race with everything else. It has tests only.
//
// # Reading order
//
// matrix_test.go asks for every route as every kind of stranger,
// matrix_domain_test.go as the people of a domain that was just made.
// tenancy_test.go, credential_test.go, deletion_test.go and input_test.go hold
// single attacks. register_test.go lists all of them with the tests that hold
// them, here and elsewhere, and fails when one is gone.
// installation_test.go is the server that is attacked.
package attack
