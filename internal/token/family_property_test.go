package token_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
)

// familyModel is what a refresh family has to do: tokens are numbered in the order of their
// making, rotatedAt has when each was first used, and repeated which was used again.
type familyModel struct {
	dead      bool
	rotatedAt []time.Time
	repeated  []bool
}

// use returns the number of the successor, or -1 for a refusal.
func (m *familyModel) use(number int, now time.Time) int {
	if !m.dead && number < len(m.rotatedAt) && !now.Before(m.rotatedAt[number].Add(lifetimes.ReuseWindow)) {
		m.dead = true
	}
	if m.dead {
		return -1
	}
	if number == len(m.rotatedAt) {
		m.rotatedAt, m.repeated = append(m.rotatedAt, now), append(m.repeated, false)
		return number + 1
	}
	m.repeated[number] = true
	if m.dead = m.inARow(now) > lifetimes.Repetitions; m.dead {
		return -1
	}
	return number + 1
}

// inARow counts the repeated rotations since the last one that can't be repeated any more.
func (m *familyModel) inARow(now time.Time) (count int) {
	alone := time.Time{}
	for number, at := range m.rotatedAt {
		if !m.repeated[number] && !now.Before(at.Add(lifetimes.ReuseWindow)) {
			alone = at
		}
	}
	for number, at := range m.rotatedAt {
		if m.repeated[number] && !at.Before(alone) {
			count++
		}
	}
	return count
}

func TestRefreshFamilyBehavesLikeItsModel(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		rapid.Check(t, func(rt *rapid.T) {
			first, err := e.redeem(known, e.code(known, nil))
			if err != nil {
				rt.Fatal(err)
			}
			model, refreshTokens, accessTokens := &familyModel{}, []string{first.RefreshToken}, []string{first.AccessToken}
			rt.Repeat(map[string]func(*rapid.T){
				"wait": func(rt *rapid.T) {
					e.clock.Advance(time.Duration(rapid.IntRange(1, 20).Draw(rt, "seconds")) * time.Second)
				},
				"use": func(rt *rapid.T) {
					number := rapid.IntRange(0, len(refreshTokens)-1).Draw(rt, "number")
					want := model.use(number, e.clock.Now())
					got, err := e.refresh(known, refreshTokens[number])
					if want < 0 {
						if oauth.CodeOf(err) != oauth.InvalidGrant {
							rt.Fatalf("token %d: got %v, want a refusal", number, err)
						}
						return
					}
					if err != nil {
						rt.Fatalf("token %d: %v", number, err)
					}
					if want == len(refreshTokens) {
						refreshTokens = append(refreshTokens, got.RefreshToken)
					}
					if got.RefreshToken != refreshTokens[want] {
						rt.Fatalf("token %d gave another successor than before", number)
					}
					accessTokens = append(accessTokens, got.AccessToken)
				},
				"": func(rt *rapid.T) {
					if last := accessTokens[len(accessTokens)-1]; model.dead && e.counts(last) {
						rt.Fatal("an access token of a dead family counts")
					}
				},
			})
		})
	})
}
