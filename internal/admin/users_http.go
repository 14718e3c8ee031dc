package admin

import (
	"context"
	"net/http"
	"time"

	"authly/internal/audit"
	"authly/internal/invitation"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/user"
)

type userChange struct {
	UserID  string `path:"user_id" maxLength:"36" format:"uuid"`
	IfMatch string `header:"If-Match" doc:"The ETag of the user as it was read."`
}

type userAnswer struct {
	ETag string `header:"ETag"`
	Body UserDetails
}

// UserPage is a page of users.
type UserPage struct {
	Users []User `json:"users"`
	Next  string `json:"next_cursor,omitempty" doc:"What to send as cursor for the next page. Left out on the last one; a page that is not full, or empty, need not be it."`
}

const (
	usersRead  = "admin:users:read"
	usersWrite = "admin:users:write"
)

func (u *users) mount(to operations) {
	register(to, operation{method: http.MethodGet, path: "/users", id: "list-users", summary: "List users", scope: usersRead, signIn: anySignIn}, u.httpList)
	register(to, operation{method: http.MethodPost, path: "/users", id: "create-user", summary: "Create a user", scope: usersWrite, signIn: freshIfSensitive, status: http.StatusCreated}, u.httpCreate)
	register(to, operation{method: http.MethodGet, path: "/users/{user_id}", id: "get-user", summary: "Get a user", scope: usersRead, signIn: anySignIn}, u.httpGet)
	register(to, operation{method: http.MethodPatch, path: "/users/{user_id}", id: "update-user", summary: "Change what is sent of a user", scope: usersWrite, signIn: freshIfSensitive}, u.httpUpdate)
	register(to, operation{method: http.MethodDelete, path: "/users/{user_id}", id: "delete-user", summary: "Delete a user with everything that hangs from the account", scope: usersWrite, signIn: freshSignIn, status: http.StatusNoContent}, u.httpDelete)
	register(to, operation{method: http.MethodPost, path: "/users/{user_id}/disable", id: "disable-user", summary: "Disable a user, and end everything that they have", scope: usersWrite, signIn: anySignIn}, u.httpDisable)
	register(to, operation{method: http.MethodPost, path: "/users/{user_id}/enable", id: "enable-user", summary: "Enable a user", scope: usersWrite, signIn: freshSignIn}, u.httpEnable)
	register(to, operation{method: http.MethodPost, path: "/users/{user_id}/require-password-change", id: "require-password-change", summary: "Let a user do nothing before choosing a new password, and end everything that they have", scope: usersWrite, signIn: freshSignIn}, u.httpRequirePasswordChange)
	register(to, operation{method: http.MethodPost, path: "/users/{user_id}/password", id: "reset-password", summary: "Give a user a temporary password, which is shown this once and works for 72 hours, and end everything that they have", scope: usersWrite, signIn: freshSignIn}, u.httpResetPassword)
	register(to, operation{method: http.MethodPost, path: "/users/{user_id}/invitation", id: "invite-user", summary: "Make a new invitation, by which a user chooses a password; an earlier one ends", scope: usersWrite, signIn: freshSignIn, status: http.StatusCreated}, u.httpInvite)
	register(to, operation{method: http.MethodPost, path: "/users/{user_id}/unlock", id: "unlock-user", summary: "Forget a user's failed sign-ins", scope: usersWrite, signIn: freshSignIn}, u.httpUnlock)
}

type userList struct {
	Limit                 int        `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor                string     `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
	Identifier            string     `query:"identifier" maxLength:"320" doc:"The whole username or e-mail address; the case of letters does not matter, here and in the next four."`
	Username              string     `query:"username" maxLength:"200" doc:"A part of the username."`
	Email                 string     `query:"email" maxLength:"200" doc:"A part of the e-mail address."`
	GivenName             string     `query:"given_name" maxLength:"200" doc:"A part of the given name."`
	FamilyName            string     `query:"family_name" maxLength:"200" doc:"A part of the family name."`
	State                 user.State `query:"state"`
	EmailVerified         string     `query:"email_verified" enum:"true,false" doc:"Whether the e-mail address is verified."`
	Administrator         string     `query:"administrator" enum:"true,false" doc:"Whether the user may administer this server."`
	RequirePasswordChange string     `query:"require_password_change" enum:"true,false" doc:"Whether the user can do nothing before choosing a new password."`
	Locale                string     `query:"locale" maxLength:"100" doc:"The whole language tag."`
	ZoneInfo              string     `query:"zoneinfo" maxLength:"100" doc:"The whole name of the time zone."`
	ManagedBy             string     `query:"managed_by" maxLength:"64" doc:"The file that the user follows."`
	CreatedAfter          time.Time  `query:"created_after" doc:"Made at that time or later (RFC 3339)."`
	CreatedBefore         time.Time  `query:"created_before" doc:"Made before that time."`
	LastLoginAfter        time.Time  `query:"last_login_after" doc:"Signed in last at that time or later."`
	LastLoginBefore       time.Time  `query:"last_login_before" doc:"Signed in last before that time; whoever never did is not meant."`
}

func (u *users) httpList(ctx context.Context, in *userList) (*struct{ Body UserPage }, error) {
	after, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	page, err := u.records.List(ctx, user.Query{
		Identifier: in.Identifier, ManagedBy: in.ManagedBy, Username: in.Username, Email: in.Email, GivenName: in.GivenName, FamilyName: in.FamilyName, State: in.State,
		EmailVerified: yesOrNo(in.EmailVerified), Administrator: yesOrNo(in.Administrator), RequirePasswordChange: yesOrNo(in.RequirePasswordChange),
		Locale: in.Locale, ZoneInfo: in.ZoneInfo, CreatedSince: in.CreatedAfter, CreatedBefore: in.CreatedBefore,
		LastLoginSince: in.LastLoginAfter, LastLoginBefore: in.LastLoginBefore, After: after, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	answer := &struct{ Body UserPage }{UserPage{Users: make([]User, len(page.Users)), Next: cursorOf(page.Next)}}
	for i, each := range page.Users {
		answer.Body.Users[i] = userView(each)
	}
	return answer, nil
}

// yesOrNo reads what huma has checked; nil for what was not sent.
func yesOrNo(sent string) *bool {
	if sent == "" {
		return nil
	}
	wanted := sent == "true"
	return &wanted
}

// NewUser is a user who is made. Exactly one of the last three says what they begin with.
type NewUser struct {
	UserFields
	State             user.State `json:"state,omitempty" required:"false" doc:"active unless sent, or disabled."`
	Password          string     `json:"password,omitempty" required:"false" maxLength:"1024" doc:"A password of your choice. It has to be changed at the first sign-in unless require_password_change is false."`
	TemporaryPassword bool       `json:"temporary_password,omitempty" required:"false" doc:"Makes a password that is shown this once, works for 72 hours and has to be changed at the first sign-in."`
	Invitation        bool       `json:"invitation,omitempty" required:"false" doc:"Makes a URL, shown this once, at which the user chooses a password."`
}

// Invitation is what somebody is invited by.
type Invitation struct {
	URL       string    `json:"url" doc:"Shown only now. Works once; whoever has it chooses the password."`
	ExpiresAt time.Time `json:"expires_at"`
}

// CreatedUser is a user with what is shown this once, and left out when a creation is sent again.
type CreatedUser struct {
	UserDetails
	TemporaryPassword string      `json:"temporary_password,omitempty" doc:"Shown only now."`
	Invitation        *Invitation `json:"invitation,omitempty"`
}

type createdUserAnswer struct {
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotent-Replayed" doc:"true if the creation was done by an earlier request with the same key."`
	Body     CreatedUser
}

func invitationView(made invitation.Invitation) *Invitation {
	return &Invitation{made.URL.Reveal(), made.ExpiresAt.UTC()}
}

func (u *users) httpCreate(ctx context.Context, in *struct {
	Key     string `header:"Idempotency-Key" maxLength:"255" doc:"Lets the same request be sent again without another user being made."`
	Body    NewUser
	RawBody []byte
},
) (*createdUserAnswer, error) {
	registration, err := in.Body.registration()
	if err != nil {
		return nil, err
	}
	who := principal(ctx)
	made, err := u.create(ctx, who, registration, newAttempt(who, "create-user", in.Key, in.RawBody))
	if err != nil {
		return nil, err
	}
	details, err := u.details(ctx, made.user)
	if err != nil {
		return nil, err
	}
	answer := &createdUserAnswer{ETag: userTag(made.user), Body: CreatedUser{UserDetails: details}}
	switch {
	case made.replayed:
		answer.Replayed = "true"
	case in.Body.Invitation:
		answer.Body.Invitation = invitationView(made.invitation)
	case in.Body.TemporaryPassword:
		answer.Body.TemporaryPassword = registration.Password.Reveal()
	}
	return answer, nil
}

// registration returns what is asked for. Without a password it is an invitation.
func (n NewUser) registration() (user.New, error) {
	ways := 0
	for _, chosen := range []bool{n.Password != "", n.TemporaryPassword, n.Invitation} {
		if chosen {
			ways++
		}
	}
	if ways != 1 {
		return user.New{}, fault.New(fault.Invalid, "user.invalid").WithField("password", "user.one_credential")
	}
	var profile user.Profile
	n.apply(&profile)
	made := user.New{
		Username: profile.Username, Email: profile.Email, EmailVerified: profile.EmailVerified, Administrator: profile.Administrator,
		RequirePasswordChange: profile.RequirePasswordChange, ManagedBy: profile.ManagedBy, State: n.State, Password: secret.FromString(n.Password), Claims: profile.Claims,
	}
	switch {
	case n.Invitation && n.State == user.Disabled:
		return user.New{}, fault.New(fault.Invalid, "user.invalid").WithField("invitation", "user.disabled")
	case n.TemporaryPassword:
		made.Password, made.RequirePasswordChange, made.Temporary = user.NewTemporaryPassword(), true, true
	case n.Invitation:
		made.Password = secret.Redacted{}
	case !n.RequirePasswordChange.Sent || n.RequirePasswordChange.Null:
		made.RequirePasswordChange = true // whoever chose the password knows it
	}
	return made, nil
}

// ResetUser is a user with the temporary password that is shown this once.
type ResetUser struct {
	UserDetails
	TemporaryPassword string `json:"temporary_password" doc:"Shown only now."`
}

type resetAnswer struct {
	ETag string `header:"ETag"`
	Body ResetUser
}

func (u *users) httpResetPassword(ctx context.Context, in *userChange) (*resetAnswer, error) {
	after, temporary, err := u.resetPassword(ctx, principal(ctx), in.UserID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	details, err := u.details(ctx, after)
	if err != nil {
		return nil, err
	}
	return &resetAnswer{userTag(after), ResetUser{details, temporary.Reveal()}}, nil
}

func (u *users) httpInvite(ctx context.Context, in *userChange) (*struct{ Body Invitation }, error) {
	made, err := u.inviteAgain(ctx, principal(ctx), in.UserID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Invitation }{*invitationView(made)}, nil
}

func (u *users) httpGet(ctx context.Context, in *userPath) (*userAnswer, error) {
	return u.answer(ctx)(u.find(ctx, in.UserID))
}

func (u *users) answer(ctx context.Context) func(user.User, error) (*userAnswer, error) {
	return func(known user.User, err error) (*userAnswer, error) {
		if err != nil {
			return nil, err
		}
		details, err := u.details(ctx, known)
		if err != nil {
			return nil, err
		}
		return &userAnswer{userTag(known), details}, nil
	}
}

func (u *users) httpUpdate(ctx context.Context, in *struct {
	UserID  string `path:"user_id" maxLength:"36" format:"uuid"`
	IfMatch string `header:"If-Match" doc:"The ETag of the user as it was read."`
	Body    UserFields
},
) (*userAnswer, error) {
	return u.answer(ctx)(u.update(ctx, principal(ctx), in.UserID, in.IfMatch, in.Body))
}

func (u *users) httpDelete(ctx context.Context, in *userChange) (*struct{}, error) {
	_, err := u.act(ctx, principal(ctx), in.UserID, in.IfMatch, audit.UserDelete, func(ctx context.Context, known user.User) error {
		return u.records.Delete(ctx, known.ID)
	})
	return nil, err
}

func (u *users) httpDisable(ctx context.Context, in *userChange) (*userAnswer, error) {
	return u.answer(ctx)(u.turn(ctx, principal(ctx), in.UserID, in.IfMatch, user.Disabled))
}

func (u *users) httpEnable(ctx context.Context, in *userChange) (*userAnswer, error) {
	return u.answer(ctx)(u.turn(ctx, principal(ctx), in.UserID, in.IfMatch, user.Active))
}

func (u *users) httpRequirePasswordChange(ctx context.Context, in *userChange) (*userAnswer, error) {
	return u.answer(ctx)(u.act(ctx, principal(ctx), in.UserID, in.IfMatch, audit.UserRequirePasswordChange, func(ctx context.Context, known user.User) error {
		if known.RequirePasswordChange {
			return errIdle
		}
		return u.records.RequirePasswordChange(ctx, known.ID)
	}))
}

func (u *users) httpUnlock(ctx context.Context, in *userChange) (*userAnswer, error) {
	return u.answer(ctx)(u.act(ctx, principal(ctx), in.UserID, in.IfMatch, audit.UserUnlock, u.throttle.Unlock))
}
