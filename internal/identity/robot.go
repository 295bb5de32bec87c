package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// maxRobots is how many robots a user has at most.
const maxRobots = 200

// NewRobot says what a robot shall be: an access key for a machine, which may
// do what its user may, within its bound.
type NewRobot struct {
	Name    string // 1 to 64 characters
	User    string // id; "" is the caller
	Bound   easel.Bound
	Expires time.Time // zero: never
}

// CreateRobot makes a robot and returns it with its secret key, which nobody
// can read again. A robot makes none. Errors: Invalid "robot"; Denied "robot",
// and "user", also for one that does not exist; TooMany "key".
func (s *Service) CreateRobot(ctx context.Context, who easel.Principal, q NewRobot) (catalog.Robot, string, error) {
	if who.Bound != nil || who.Scopes != nil {
		return catalog.Robot{}, "", easel.E(easel.Denied, "robot", "a robot makes no robots")
	}
	if err := s.checkRobot(q); err != nil {
		return catalog.Robot{}, "", err
	}
	if q.User == "" {
		q.User = who.UserID
	}
	account, err := s.managed(ctx, who, q.User)
	if errors.Is(err, easel.NotFound) || err == nil && account.Domain.ID != who.DomainID {
		return catalog.Robot{}, "", easel.E(easel.Denied, "user", "%s may not make a robot of that user", who.UserName)
	}
	if err != nil {
		return catalog.Robot{}, "", err
	}
	if err := s.mayOwnKeys(ctx, who, account.ID); err != nil {
		return catalog.Robot{}, "", err
	}
	k := catalog.AccessKey{Access: newAccess(), Account: account.ID, Description: q.Name, Active: true, Bound: &q.Bound, Expires: q.Expires}
	secret := newSecret()
	if k.Secret, err = s.seal(k.Access, secret); err != nil {
		return catalog.Robot{}, "", err
	}
	k, err = s.catalog.AddRobot(ctx, who, k, maxRobots)
	return catalog.Robot{Key: k, UserName: account.Name}, secret, err
}

func (s *Service) checkRobot(q NewRobot) error {
	if strings.TrimSpace(q.Name) == "" || len(q.Name) > 64 {
		return easel.E(easel.Invalid, "robot", "a robot needs a name of 1 to 64 characters")
	}
	if err := checkDescription(q.Name); err != nil {
		return easel.E(easel.Invalid, "robot", "the name of a robot must be text").Because(err)
	}
	if !q.Expires.IsZero() && !q.Expires.After(s.now()) {
		return easel.E(easel.Invalid, "robot", "the deadline of a robot must be in the future")
	}
	return nil
}

// Robots returns the robots that who may manage, oldest first: all of the
// domain for an administrator, else its own. A robot sees none.
func (s *Service) Robots(ctx context.Context, who easel.Principal) ([]catalog.Robot, error) {
	if who.Bound != nil || who.Scopes != nil {
		return nil, easel.E(easel.Denied, "robot", "a robot may not list robots")
	}
	if policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.ManageKeys, "robot", "robots") == nil {
		return s.catalog.Robots(ctx, who.DomainID, "")
	}
	return s.catalog.Robots(ctx, who.DomainID, who.UserID)
}

// DeleteRobot ends a robot: its logins, its signatures and the tokens it has
// end with the next request. Errors: NotFound "robot", Denied "robot".
func (s *Service) DeleteRobot(ctx context.Context, who easel.Principal, access string) error {
	owner, err := s.catalog.KeyOwner(ctx, access)
	if err == nil && owner.Key.Bound == nil {
		err = easel.E(easel.NotFound, "robot", "")
	}
	if err == nil {
		err = mayManage(who, owner.Account, policy.ManageKeys, "robot", "robot "+owner.Key.Access)
	}
	if err != nil {
		return absent(err, "robot", "there is no robot %.64q", access)
	}
	return s.catalog.DeleteRobot(ctx, who, access)
}

// comesFrom is NotFound "key" when a credential may not be used from where the
// request came.
func comesFrom(ctx context.Context, b *easel.Bound) error {
	if b != nil && !b.Admits(easel.OriginFrom(ctx).Addr) {
		return easel.E(easel.NotFound, "key", "the access key cannot be used").Because(errors.New("the client's address is not one of the key's"))
	}
	return nil
}
