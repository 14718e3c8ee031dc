package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/consent"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/protocol/policy"
	"authly/internal/registration"
	"authly/internal/session"
	"authly/internal/user"
)

// Size is how much there is to be.
type Size struct{ Users, Clients int }

// Password is that of every user.
const Password = "plenty of people have this one"

const (
	// together is how many users or clients share a transaction.
	together = 500
	year     = 365 * 24 * time.Hour
)

// seeder is what making everything takes.
type seeder struct {
	database *db.DB
	size     Size
	clock    *clock.Fake
	users    *user.Service
	clients  *client.Service
	grants   *consent.Service
	sessions *session.Service
	initial  *registration.InitialTokens
	log      *audit.Log

	made []madeClient
}

type madeClient struct {
	record   uuid.UUID
	clientID string
}

// Seed fills a migrated database with a year's worth of users and clients that ends at a
// time. It logs how far it is.
func Seed(ctx context.Context, database *db.DB, size Size, end time.Time, logger *slog.Logger) error {
	at := clock.NewFake(end.Add(-year))
	log := audit.New(audit.Deps{Database: database, Clock: at, ChainKey: secret.New()})
	s := &seeder{
		database: database, size: size, clock: at, log: log,
		clients: client.NewService(client.Deps{Database: database, Clock: at, Keys: nothing{}, Issued: nothing{}}),
		grants:  consent.New(consent.Deps{Database: database, Clock: at}),
		sessions: session.NewService(session.Deps{
			Database: database, Clock: at, Lifetime: policy.Lifetime{Absolute: 3 * year},
		}),
		initial: registration.NewInitialTokens(database, at, log),
	}
	s.users = user.NewService(user.Deps{Database: database, Clock: at, Sessions: s.sessions})
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"clients", s.makeClients}, {"users", s.makeUsers}, {"passwords", s.setPasswords}, {"initial access tokens", s.makeInitialTokens}, {"statistics", s.analyze},
	} {
		begun := clock.System().Now()
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("make %s: %w", step.name, err)
		}
		logger.InfoContext(ctx, "made", slog.String("what", step.name), slog.Duration("took", clock.System().Now().Sub(begun)))
	}
	return nil
}

// nothing is what clients don't need here.
type nothing struct{}

func (nothing) Ensure(context.Context, jose.Algorithm) error { return nil }

// recognized is a user who was not asked for a password.
type recognized uuid.UUID

func (k recognized) Admit(context.Context) (uuid.UUID, error) { return uuid.UUID(k), nil }

func (nothing) EndAllOfClient(_ context.Context, _ uuid.UUID) error { return nil }

// batches calls make for every number, many in one transaction.
func (s *seeder) batches(ctx context.Context, count int, do func(ctx context.Context, from, to int) error) error {
	for from := 0; from < count; from += together {
		err := s.database.Tx(ctx, func(ctx context.Context) error { return do(ctx, from, min(from+together, count)) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *seeder) makeClients(ctx context.Context) error {
	return s.batches(ctx, s.size.Clients, func(ctx context.Context, from, to int) error {
		for i := from; i < to; i++ {
			s.clock.Advance(time.Second)
			wanted := client.Metadata{
				Name: fmt.Sprintf("%s %s %05d", of(kinds(), i), of(families(), i/3), i), RedirectURIs: []string{fmt.Sprintf("https://app%05d.example/callback", i)},
				GrantTypes: []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken}, Scopes: oauth.ScopeSet{"openid", "profile", "email", "offline_access"},
			}
			if i%10 == 3 {
				wanted.ApplicationType, wanted.AuthenticationMethod = oauth.Native, oauth.AuthenticationMethodNone
			}
			if i%7 == 2 {
				wanted.RegisteredBy = client.ByClient
			}
			made, err := s.clients.Register(ctx, wanted)
			if err != nil {
				return err
			}
			s.made = append(s.made, madeClient{made.Client.ID, made.Client.ClientID})
			if i%20 == 11 {
				if err := s.clients.Disable(ctx, made.Client.ID); err != nil {
					return err
				}
			}
			if err := s.record(ctx, audit.ClientCreate, user.User{}, s.made[i], audit.Target{Kind: "client", ID: made.Client.ClientID, Name: wanted.Name}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *seeder) makeUsers(ctx context.Context) error {
	return s.batches(ctx, s.size.Users, func(ctx context.Context, from, to int) error {
		issued := rows{}
		for i := from; i < to; i++ {
			s.clock.Advance((year - 24*time.Hour) / time.Duration(s.size.Users))
			if err := s.makeUser(ctx, i, &issued); err != nil {
				return err
			}
		}
		return issued.insert(ctx, s.database)
	})
}

// makeUser makes a user with a session, a grant, and tokens of it.
func (s *seeder) makeUser(ctx context.Context, i int, issued *rows) error {
	given, family := of(givenNames(), i), of(families(), i/7)
	wanted := user.New{
		Username: fmt.Sprintf("seed%06d", i), Email: fmt.Sprintf("seed%06d@people.example", i), EmailVerified: i%3 != 0,
		Administrator: i%5000 == 17, RequirePasswordChange: i%1000 == 13,
		Claims: oidc.StandardClaims{GivenName: given, FamilyName: family, Name: given + " " + family, Locale: of(locales(), i), ZoneInfo: of(zones(), i)},
	}
	if i%50 == 9 {
		wanted.State = user.Disabled
	}
	made, err := s.users.Create(ctx, wanted)
	if err != nil {
		return err
	}
	through := s.made[i%len(s.made)]
	begun, _, err := s.sessions.Start(ctx, session.New{Person: recognized(made.ID), Methods: []string{"pwd"}, UserAgent: "Mozilla/5.0 (X11; Linux x86_64)", Address: fmt.Sprintf("192.0.2.%d", i%256)})
	if err != nil {
		return err
	}
	scopes := oauth.ScopeSet{"openid", "profile", "offline_access"}
	given2, err := s.grants.Allow(ctx, consent.Grant{Client: through.record, UserID: made.ID, Permissions: oauth.PermissionsOf(scopes, nil)})
	if err != nil {
		return err
	}
	issued.add(s.clock.Now(), i, made.ID, given2.ID, begun.ID, through, scopes)
	for _, action := range []audit.Action{audit.UserCreate, audit.SignIn, audit.ConsentGive} {
		target := audit.Target{Kind: "user", ID: made.Subject(), Name: made.Username}
		if err := s.record(ctx, action, made, through, target); err != nil {
			return err
		}
	}
	if i%5 == 4 {
		_, err = s.sessions.End(ctx, begun.ID)
	}
	return err
}

func (s *seeder) record(ctx context.Context, action audit.Action, by user.User, through madeClient, target audit.Target) error {
	event := audit.Event{Action: action, Outcome: audit.Success, Actor: audit.Actor{Kind: audit.Operator}, ClientID: through.clientID, Target: target}
	if by.ID != uuid.Nil {
		event.Actor = audit.Actor{Kind: audit.User, ID: by.Subject(), Name: by.Username}
	}
	return s.log.Record(ctx, event)
}

// setPasswords gives everybody the same password, hashed once, and the time of a sign-in.
func (s *seeder) setPasswords(ctx context.Context) error {
	hasher, err := secret.NewPasswordHasher(secret.PasswordHasherOptions{})
	if err != nil {
		return err
	}
	hash, err := hasher.Hash(ctx, secret.FromString(Password))
	if err != nil {
		return err
	}
	_, err = s.database.Write(ctx).Exec(ctx, `UPDATE users SET password_hash = $1, last_login_at = created_at WHERE username_folded LIKE 'seed%'`, hash)
	return err
}

func (s *seeder) makeInitialTokens(ctx context.Context) error {
	return s.batches(ctx, s.size.Clients/10, func(ctx context.Context, from, to int) error {
		for i := from; i < to; i++ {
			if _, err := s.initial.Create(ctx, registration.NewInitialToken{Name: fmt.Sprintf("partner %d", i)}, audit.Author{Actor: audit.Actor{Kind: audit.Operator}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// analyze does what PostgreSQL would do by itself a little later. SQLite has no statistics here.
func (s *seeder) analyze(ctx context.Context) error {
	if s.database.Engine() == db.SQLite {
		return nil
	}
	_, err := s.database.Write(ctx).Exec(ctx, `VACUUM ANALYZE`)
	return err
}

func of(texts []string, number int) string { return texts[number%len(texts)] }

// hash stands for that of a token that nobody has.
func hash(kind string, number int) []byte {
	digest := secret.Hash(secret.FromString(kind + string(binary.BigEndian.AppendUint64(nil, uint64(number)))))
	return digest.Bytes()
}

func kinds() []string {
	return []string{"Shop", "Portal", "Büro", "Console", "Магазин", "Reports"}
}

func givenNames() []string {
	return []string{"Ada", "Björn", "Chloé", "Dmitri", "Eva", "Fatima", "Grace", "Hiro", "Ирина", "José", "Kim"}
}

func families() []string {
	return []string{"Lovelace", "Müller", "García", "O'Brien", "Иванов", "Sato", "van den Berg", "Gauß", "Hopper", "Smith", "Åkesson", "Nguyen", "Kowalska"}
}

func locales() []string { return []string{"de", "en-GB", "en-US", "fr", "ja"} }

func zones() []string {
	return []string{"Europe/Berlin", "Europe/London", "America/New_York", "Asia/Tokyo"}
}
