package admin

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/invitation"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/user"
)

// UserRecords keeps users. Its changes join a transaction of the context.
type UserRecords interface {
	Find(ctx context.Context, userID uuid.UUID) (user.User, error)
	List(ctx context.Context, query user.Query) (user.Page, error)
	Prepare(ctx context.Context, registration user.New) (user.Prepared, error)
	Insert(ctx context.Context, prepared user.Prepared) (user.User, error)
	Lock(ctx context.Context, userID uuid.UUID) (user.User, error)
	Replace(ctx context.Context, userID uuid.UUID, wanted user.Profile) (user.User, error)
	Disable(ctx context.Context, userID uuid.UUID) error
	Enable(ctx context.Context, userID uuid.UUID) error
	RequirePasswordChange(ctx context.Context, userID uuid.UUID) error
	Delete(ctx context.Context, userID uuid.UUID) error
	PreparePassword(ctx context.Context, known user.User, password secret.Redacted) (user.PreparedPassword, error)
	ResetPassword(ctx context.Context, prepared user.PreparedPassword) error
}

// Invitations lets people choose their first password.
type Invitations interface {
	Invite(ctx context.Context, userID uuid.UUID) (invitation.Invitation, error)
}

// SessionCount counts in how many browsers a user is signed in.
type SessionCount interface {
	CountOf(ctx context.Context, userID uuid.UUID) (int64, error)
}

// SignInThrottle lets somebody try again who has tried too often.
type SignInThrottle interface {
	Unlock(ctx context.Context, known user.User) error
}

// users is the administration of users.
type users struct {
	records  UserRecords
	sessions SessionCount
	throttle SignInThrottle
	invites  Invitations
	log      Recorder
	store    store
	keys     *keys
}

// madeUser is a user with the one sight of what they begin with, and whether an
// earlier request has made them.
type madeUser struct {
	user       user.User
	invitation invitation.Invitation
	replayed   bool
}

// create makes a user, who is invited if there is no password.
func (u *users) create(ctx context.Context, who Principal, registration user.New, of attempt) (madeUser, error) {
	prepared, err := u.records.Prepare(ctx, registration) // hashes: not in a transaction
	if err != nil {
		return madeUser{}, err
	}
	var made madeUser
	err = u.store.inTransaction(ctx, func(ctx context.Context) error {
		made = madeUser{}
		name, replayed, err := u.keys.once(ctx, of, func(ctx context.Context) (string, error) {
			added, err := u.records.Insert(ctx, prepared)
			if err != nil {
				return "", err
			}
			made.user = added
			if err := u.record(ctx, who, audit.UserCreate, added, audit.Compare(nil, userFieldsOf(added))); err != nil {
				return "", err
			}
			if registration.Password.IsZero() {
				made.invitation, err = u.invite(ctx, who, added)
			}
			return added.Subject(), err
		})
		if err != nil || !replayed {
			return err
		}
		made.replayed = true
		made.user, err = u.find(ctx, name)
		return err
	})
	return made, err
}

// update changes what was sent of a user, if they still are as the caller has seen them.
func (u *users) update(ctx context.Context, who Principal, userID, ifMatch string, fields UserFields) (user.User, error) {
	var changed user.User
	err := u.store.inTransaction(ctx, func(ctx context.Context) error {
		known, err := u.lock(ctx, userID, ifMatch)
		if err != nil {
			return err
		}
		wanted := known.Profile()
		fields.apply(&wanted)
		if changed = known; isSame(asJSON(known.Profile()), asJSON(wanted)) {
			return nil
		}
		if changed, err = u.records.Replace(ctx, known.ID, wanted); err != nil {
			return err
		}
		return u.record(ctx, who, audit.UserUpdate, changed, audit.Compare(userFieldsOf(known), userFieldsOf(changed)))
	})
	return changed, err
}

// turn switches a user on or off. What is so already is no change.
func (u *users) turn(ctx context.Context, who Principal, userID, ifMatch string, to user.State) (user.User, error) {
	action, do := audit.UserDisable, u.records.Disable
	if to == user.Active {
		action, do = audit.UserEnable, u.records.Enable
	}
	return u.act(ctx, who, userID, ifMatch, action, func(ctx context.Context, known user.User) error {
		if known.State == to {
			return errIdle
		}
		return do(ctx, known.ID)
	})
}

// act does something to a whole user, unless do says that there is nothing to be done.
func (u *users) act(ctx context.Context, who Principal, userID, ifMatch string, action audit.Action, do func(ctx context.Context, known user.User) error) (user.User, error) {
	var after user.User
	err := u.store.inTransaction(ctx, func(ctx context.Context) error {
		known, err := u.lock(ctx, userID, ifMatch)
		if err != nil {
			return err
		}
		after = known
		if err := do(ctx, known); errors.Is(err, errIdle) {
			return nil
		} else if err != nil {
			return err
		}
		if action == audit.UserDelete {
			return u.record(ctx, who, action, known, audit.Compare(userFieldsOf(known), nil))
		}
		if after, err = u.records.Find(ctx, known.ID); err != nil {
			return err
		}
		return u.record(ctx, who, action, known, audit.Compare(userFieldsOf(known), userFieldsOf(after)))
	})
	return after, err
}

// invite makes an invitation and notes it; its URL is nowhere but in the answer.
func (u *users) invite(ctx context.Context, who Principal, known user.User) (invitation.Invitation, error) {
	made, err := u.invites.Invite(ctx, known.ID)
	if err != nil {
		return invitation.Invitation{}, err
	}
	return made, u.record(ctx, who, audit.InvitationCreate, known, nil)
}

func (u *users) inviteAgain(ctx context.Context, who Principal, userID, ifMatch string) (invitation.Invitation, error) {
	var made invitation.Invitation
	err := u.store.inTransaction(ctx, func(ctx context.Context) error {
		known, err := u.lock(ctx, userID, ifMatch)
		if err != nil {
			return err
		}
		made, err = u.invite(ctx, who, known)
		return err
	})
	return made, err
}

// resetPassword gives a user a temporary password, which is returned this once.
func (u *users) resetPassword(ctx context.Context, who Principal, userID, ifMatch string) (user.User, secret.Redacted, error) {
	known, err := u.find(ctx, userID)
	if err != nil {
		return user.User{}, secret.Redacted{}, err
	}
	temporary := user.NewTemporaryPassword()
	prepared, err := u.records.PreparePassword(ctx, known, temporary) // hashes: not in a transaction
	if err != nil {
		return user.User{}, secret.Redacted{}, err
	}
	after, err := u.act(ctx, who, userID, ifMatch, audit.PasswordReset, func(ctx context.Context, _ user.User) error {
		return u.records.ResetPassword(ctx, prepared)
	})
	return after, temporary, err
}

// lock returns a user if they are as the caller has seen them; nobody else changes them
// before the transaction ends.
func (u *users) lock(ctx context.Context, userID, ifMatch string) (user.User, error) {
	parsed, err := parseUserID(userID)
	if err != nil {
		return user.User{}, err
	}
	known, err := u.records.Lock(ctx, parsed)
	if err == nil && !matches(ifMatch, userTag(known)) {
		err = precondition()
	}
	return known, err
}

func (u *users) find(ctx context.Context, userID string) (user.User, error) {
	parsed, err := parseUserID(userID)
	if err != nil {
		return user.User{}, err
	}
	return u.records.Find(ctx, parsed)
}

func parseUserID(userID string) (uuid.UUID, error) {
	parsed, err := uuid.Parse(userID)
	if err != nil || parsed.String() != userID {
		return uuid.Nil, fault.New(fault.NotFound, "user.unknown").Because(err)
	}
	return parsed, nil
}

func (u *users) details(ctx context.Context, known user.User) (UserDetails, error) {
	count, err := u.sessions.CountOf(ctx, known.ID)
	if err != nil {
		return UserDetails{}, fmt.Errorf("describe a user: %w", err)
	}
	return UserDetails{userView(known), count}, nil
}

func (u *users) record(ctx context.Context, who Principal, action audit.Action, of user.User, changes []audit.Change) error {
	return u.log.Record(ctx, audit.Event{
		Action: action, Outcome: audit.Success, Actor: who.actor(), ClientID: who.ClientID,
		Target: audit.Target{Kind: "user", ID: of.Subject(), Name: of.Username}, Details: audit.Details{Changes: changes},
	})
}
