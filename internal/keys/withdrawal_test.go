package keys_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/audit"
	"authly/internal/keys"
	"authly/internal/platform/fault"
	"authly/internal/protocol/jose"
)

// logged returns what the log has of a key, the oldest first.
func (w *world) logged(id string) (told []string) {
	w.t.Helper()
	page, err := w.log().List(w.t.Context(), audit.Query{TargetKind: "key", TargetID: id})
	w.must(err)
	for _, event := range slices.Backward(page.Events) {
		told = append(told, strings.Join(strings.Fields(string(event.Action)+" "+string(event.Actor.Kind)+" "+event.Actor.ID+" "+event.Details.Reason), " "))
	}
	return told
}

func (w *world) told(id string, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.logged(id)); diff != "" {
		w.t.Errorf("the log of %s (-want +got):\n%s", id, diff)
	}
}

func ada() audit.Author {
	return audit.Author{Actor: audit.Actor{Kind: audit.User, ID: "ada", Name: "Ada"}, ClientID: "console"}
}

// The whole life of keys is in the log, by whoever did it.
func TestKeyEvents(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		server := w.started()
		first, second := w.only(server, jose.ES256, keys.Active), w.only(server, jose.ES256, keys.Next)
		w.clock.Advance(rotation)
		w.must(server.Tick(ctx))
		w.told(first.ID, "key.create server", "key.retire server")
		rotated, err := server.Rotate(ctx, keys.RotateOptions{Algorithms: []jose.Algorithm{jose.ES256}, Force: true, By: ada()})
		w.must(err)
		w.told(second.ID, "key.create server", "key.rotate server", "key.retire user ada forced")
		w.told(rotated[0].ID, "key.create server", "key.rotate user ada forced")
		w.told(w.only(server, jose.ES256, keys.Next).ID, "key.create user ada")
		w.clock.Advance(retain)
		for range 2 {
			w.must(server.Tick(ctx))
		}
		w.told(first.ID, "key.create server", "key.retire server", "key.delete server retention")
		page, err := w.log().List(ctx, audit.Query{Action: audit.KeyRotate, ActorID: "ada"})
		w.must(err)
		if len(page.Events) != 1 || page.Events[0].ClientID != "console" || len(page.Events[0].Details.Changes) != 1 ||
			page.Events[0].Details.Changes[0] != (audit.Change{Field: "active", Before: second.ID, After: rotated[0].ID}) {
			w.t.Errorf("the rotation: %+v", page.Events)
		}
	})
}

func TestRetire(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		node := w.started()
		active, next := w.only(node, jose.RS256, keys.Active), w.only(node, jose.RS256, keys.Next)
		token := w.sign(node, jose.RS256)
		for id, want := range map[string]fault.Kind{active.ID: fault.Conflict /* the next is too young */, next.ID: fault.Conflict, "nothing": fault.NotFound} {
			if _, err := node.Retire(ctx, id, keys.RotateOptions{By: ada()}); fault.KindOf(err) != want {
				w.t.Errorf("%s: %v", id, err)
			}
		}
		w.clock.Advance(lead)
		for range 2 { // the second time it is so already
			all, err := node.Retire(ctx, active.ID, keys.RotateOptions{By: ada()})
			w.must(err)
			if len(all) != 3 || all[0].ID != next.ID || all[2].ID != active.ID || all[2].State != keys.Retired {
				w.t.Errorf("the keys are %+v", all)
			}
		}
		w.verify(node, token)
		w.told(active.ID, "key.create server", "key.retire user ada")
		if plan := node.Plan(w.only(node, jose.RS256, keys.Retired)); !plan.PublishedUntil.Equal(w.clock.Now().Add(retain)) || !plan.SignsFrom.IsZero() {
			w.t.Errorf("planned %+v", plan)
		}
	})
}

// A key that has become known to others is gone at once, and something else signs.
func TestWithdraw(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		node, other := w.started(), w.started()
		active, next := w.only(node, jose.ES256, keys.Active), w.only(node, jose.ES256, keys.Next)
		token := w.sign(node, jose.ES256)
		refused := func(service *keys.Service, token string) {
			w.t.Helper()
			if _, err := service.Verify(token, jose.TypeJWT); !errors.Is(err, jose.ErrInvalidToken) {
				w.t.Errorf("what a withdrawn key has signed: %v", err)
			}
			if strings.Contains(string(service.JWKS()), active.ID) {
				w.t.Error("it is still published")
			}
		}
		all, err := node.Withdraw(ctx, active.ID, ada())
		w.must(err)
		if len(all) != 2 || all[0].ID != next.ID || all[0].State != keys.Active || all[1].State != keys.Next {
			w.t.Errorf("the keys are %+v", all)
		}
		refused(node, token)
		w.must(other.Tick(ctx))
		refused(other, token)
		w.verify(other, w.sign(node, jose.ES256))
		w.told(active.ID, "key.create server", "key.delete user ada withdrawn")
		w.told(next.ID, "key.create server", "key.rotate user ada withdrawn")
		if _, err := node.Withdraw(ctx, active.ID, ada()); fault.KindOf(err) != fault.NotFound {
			w.t.Errorf("twice: %v", err)
		}

		// A next one, and a retired one.
		young := all[1]
		if all, err = node.Withdraw(ctx, young.ID, ada()); err != nil || len(all) != 2 || all[1].ID == young.ID {
			w.t.Errorf("%+v, %v", all, err)
		}
		_, err = node.Retire(ctx, next.ID, keys.RotateOptions{Force: true, By: ada()})
		w.must(err)
		if all, err = node.Withdraw(ctx, next.ID, ada()); err != nil || len(all) != 2 || all[0].State != keys.Active {
			w.t.Errorf("%+v, %v", all, err)
		}
		if _, err := node.Find(ctx, next.ID); fault.KindOf(err) != fault.NotFound {
			w.t.Errorf("found: %v", err)
		}
		key, err := node.Find(ctx, all[0].ID)
		if err != nil || !strings.Contains(string(key.JWK), `"kid":"`+all[0].ID+`"`) || strings.Contains(string(key.JWK), `"d"`) {
			w.t.Errorf("%s, %v", key.JWK, err)
		}
	})
}

// Whatever is asked at once, one key signs at every moment, and the log says just what happened.
func TestOneActiveKeyWhateverIsAskedAtOnce(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		nodes := []*keys.Service{w.started(), w.started(), w.started(), w.started()}
		active := w.only(nodes[0], jose.ES256, keys.Active)
		done := make(chan struct{})
		var watching sync.WaitGroup
		watching.Go(func() {
			for looking := true; looking; {
				select {
				case <-done:
					looking = false
				default:
				}
				count := 0
				all, err := nodes[0].List(ctx)
				for _, key := range all {
					if key.Algorithm == jose.ES256 && key.State == keys.Active {
						count++
					}
				}
				if err != nil || count != 1 {
					w.t.Errorf("%d keys sign, %v", count, err)
				}
			}
		})
		for _, err := range atOnce(parallelTries, func(i int) (err error) {
			node := nodes[i%len(nodes)]
			switch i % 3 {
			case 0:
				_, err = node.Withdraw(ctx, active.ID, ada())
			case 1:
				_, err = node.Retire(ctx, active.ID, keys.RotateOptions{Force: true, By: ada()})
			default:
				_, err = node.Rotate(ctx, keys.RotateOptions{Algorithms: []jose.Algorithm{jose.ES256}, Force: true, By: ada()})
			}
			return err
		}) {
			if kind := fault.KindOf(err); err != nil && kind != fault.Conflict && kind != fault.NotFound {
				w.t.Errorf("got %v", err)
			}
		}
		close(done)
		watching.Wait()
		if _, err := nodes[0].Find(ctx, active.ID); err == nil {
			if _, err = nodes[0].Withdraw(ctx, active.ID, ada()); err != nil {
				w.t.Error(err)
			}
		}
		signing := w.only(nodes[1], jose.ES256, keys.Active)
		if got := w.logged(active.ID); got[len(got)-1] != "key.delete user ada withdrawn" || len(got) > 3 {
			w.t.Errorf("the log of the first key: %v", got)
		}
		if got := w.logged(signing.ID); len(got) != 2 || !strings.HasPrefix(got[1], "key.rotate") {
			w.t.Errorf("the log of the key that signs: %v", got)
		}
		w.clock.Advance(time.Second)
		w.must(nodes[1].Tick(ctx))
		w.verify(nodes[1], w.sign(nodes[1], jose.ES256))
	})
}
