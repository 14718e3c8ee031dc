package secret

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/fault"
)

var oneLane = PasswordParameters{MemoryKiB: 1024, Iterations: 1, Parallelism: 1}

func TestPasswordPoolLimit(t *testing.T) {
	for name, test := range map[string]struct {
		parameters PasswordParameters
		poolKiB    int64
		processors int
		want       int
	}{
		"one processor":                    {oneLane, 1 << 20, 1, 1},
		"two processors":                   {oneLane, 1 << 20, 2, 1},
		"three processors":                 {oneLane, 1 << 20, 3, 1},
		"eight processors":                 {oneLane, 1 << 20, 8, 4},
		"memory is the bound":              {oneLane, 3 << 10, 64, 3},
		"two lanes on eight processors":    {PasswordParameters{MemoryKiB: 1024, Iterations: 1, Parallelism: 2}, 1 << 20, 8, 2},
		"more lanes than processors":       {PasswordParameters{MemoryKiB: 1024, Iterations: 1, Parallelism: 8}, 1 << 20, 2, 1},
		"three lanes on sixteen, rounding": {PasswordParameters{MemoryKiB: 1024, Iterations: 1, Parallelism: 3}, 1 << 20, 16, 2},
	} {
		pool := newPasswordPool(test.parameters, test.poolKiB, test.processors, 64, time.Second)
		if got := pool.snapshot().MaxRunning; got != test.want {
			t.Errorf("%s: %d at once, want %d", name, got, test.want)
		}
		synctest.Test(t, func(t *testing.T) {
			pool := newPasswordPool(test.parameters, test.poolKiB, test.processors, 64, time.Second)
			release := make(chan struct{})
			var running sync.WaitGroup
			for range 20 {
				running.Go(func() { _ = pool.run(t.Context(), test.parameters, func() { <-release }) })
			}
			synctest.Wait()
			if got := pool.snapshot(); got.Running != test.want || got.Waiting != 20-test.want {
				t.Errorf("%s: %+v, want %d running", name, got, test.want)
			}
			close(release)
			running.Wait()
			if got := pool.snapshot(); got.Running != 0 || got.Waiting != 0 || got.Computed != 20 || got.PeakRunning != test.want {
				t.Errorf("%s: %+v at the end", name, got)
			}
		})
	}
}

func TestPasswordPoolQueue(t *testing.T) {
	ledger.Holds(t, "bounds: hashing of passwords at once")
	synctest.Test(t, func(t *testing.T) {
		const maxWait = 5 * time.Second
		pool := newPasswordPool(oneLane, 1<<20, 2, 3, maxWait)
		release := make(chan struct{})
		var running sync.WaitGroup
		running.Go(func() { _ = pool.run(t.Context(), oneLane, func() { <-release }) })
		synctest.Wait()

		started := clock.System().Now()
		elapsed := func() time.Duration { return clock.System().Now().Sub(started) }
		cancelled, cancel := context.WithCancel(t.Context())
		deadline, cancelDeadline := context.WithTimeout(t.Context(), time.Second)
		defer cancelDeadline()
		results := make([]error, 3)
		for i, ctx := range []context.Context{cancelled, deadline, t.Context()} {
			running.Go(func() {
				results[i] = pool.run(ctx, oneLane, func() { t.Error("computed without a place") })
			})
		}
		synctest.Wait()

		if err := pool.run(t.Context(), oneLane, func() { t.Error("computed beyond the queue") }); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("beyond the queue: %v", err)
		}
		if elapsed() != 0 {
			t.Errorf("beyond the queue it took %s", elapsed())
		}
		cancel()
		synctest.Wait()
		if !errors.Is(results[0], context.Canceled) || elapsed() != 0 {
			t.Errorf("cancelled: %v after %s", results[0], elapsed())
		}
		<-time.After(time.Second + 1) // by the bubble's clock
		synctest.Wait()
		if !errors.Is(results[1], context.DeadlineExceeded) {
			t.Errorf("at its deadline: %v", results[1])
		}
		if waiting := pool.snapshot().Waiting; waiting != 1 {
			t.Errorf("%d are waiting after %s, want 1", waiting, elapsed())
		}
		<-time.After(maxWait - time.Second)
		synctest.Wait()
		if fault.KindOf(results[2]) != fault.Unavailable {
			t.Errorf("after the longest wait: %v", results[2])
		}
		if err := pool.run(cancelled, oneLane, func() { t.Error("computed for nobody") }); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v", err)
		}
		close(release)
		running.Wait()
		if err := pool.run(t.Context(), oneLane, func() {}); err != nil {
			t.Errorf("the pool did not recover: %v", err)
		}
		if got := pool.snapshot(); got.Running != 0 || got.Waiting != 0 || got.Refused != 2 || got.Computed != 2 {
			t.Errorf("counts %+v", got)
		}
	})
}

func TestPasswordPoolMemoryOfStoredHashes(t *testing.T) {
	pool := newPasswordPool(oneLane, 4<<10, 16, 64, time.Second)
	large := PasswordParameters{MemoryKiB: 5 << 10, Iterations: 1, Parallelism: 1}
	if err := pool.run(t.Context(), large, func() { t.Error("computed") }); !errors.Is(err, errPoolTooSmall) {
		t.Errorf("more memory than the pool has: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		pool := newPasswordPool(oneLane, 4<<10, 16, 64, time.Second)
		release := make(chan struct{})
		var running sync.WaitGroup
		for range 4 {
			running.Go(func() {
				_ = pool.run(t.Context(), PasswordParameters{MemoryKiB: 2 << 10, Iterations: 1, Parallelism: 16}, func() { <-release })
			})
			running.Go(func() {
				_ = pool.run(t.Context(), PasswordParameters{MemoryKiB: 3 << 10, Iterations: 1, Parallelism: 1}, func() { <-release })
			})
		}
		synctest.Wait()
		if got := pool.snapshot().Running; got != 1 {
			t.Errorf("%d hashes of 2 or 3 MiB at once in a pool of 4", got)
		}
		close(release)
		running.Wait()
	})
}

func TestPasswordPoolSurvivesPanic(t *testing.T) {
	pool := newPasswordPool(oneLane, 1<<20, 2, 1, time.Second)
	func() {
		defer func() { _ = recover() }()
		_ = pool.run(t.Context(), oneLane, func() { panic("argon2") })
	}()
	if err := pool.run(t.Context(), oneLane, func() {}); err != nil {
		t.Errorf("the place was lost: %v", err)
	}
}

// TestLoginStormLeavesRoom has 200 logins at once beside what the token endpoint
// does all day, a signature, and asks that the latter goes on.
func TestLoginStormLeavesRoom(t *testing.T) {
	ledger.Holds(t, "bounds: hashing of passwords at once")
	hasher, err := NewPasswordHasher(PasswordHasherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	password := New()
	encoded, err := hasher.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	const logins = 200
	var matched, refused atomic.Int64
	storm, done := sync.WaitGroup{}, make(chan struct{})
	start := make(chan struct{})
	for range logins {
		storm.Go(func() {
			<-start
			verdict, err := hasher.Verify(t.Context(), encoded, password)
			switch {
			case err == nil && verdict.Match:
				matched.Add(1)
			case fault.KindOf(err) == fault.Unavailable:
				refused.Add(1)
			default:
				t.Errorf("verdict %+v, error %v", verdict, err)
			}
		})
	}
	go func() { storm.Wait(); close(done) }()

	now := clock.System().Now
	digest := sha256.Sum256([]byte("a token"))
	sign := func() time.Duration {
		begun := now()
		runtime.Gosched() // a request that has just come stands behind all that can run
		if _, err := ecdsa.SignASN1(rand.Reader, key, digest[:]); err != nil {
			t.Fatal(err)
		}
		return now().Sub(begun)
	}
	// What else this machine does now delays signatures without any storm.
	var calm, gaps []time.Duration
	for range 2000 {
		calm = append(calm, sign())
	}
	slices.Sort(calm)
	limit := 50*time.Millisecond + 10*calm[len(calm)*99/100]
	close(start)
	for stormy := true; stormy; {
		gaps = append(gaps, sign())
		select {
		case <-done:
			stormy = false
		default:
		}
	}

	counts := hasher.Counts()
	if counts.PeakRunning > counts.MaxRunning || counts.PeakRunning < 1 {
		t.Errorf("%d hashes at once, the bound is %d", counts.PeakRunning, counts.MaxRunning)
	}
	if matched.Load() < 1+int64(counts.MaxRunning) || matched.Load()+refused.Load() != logins || counts.Refused != uint64(refused.Load()) {
		t.Errorf("%d matched and %d refused of %d: %+v", matched.Load(), refused.Load(), logins, counts)
	}
	slices.Sort(gaps)
	worst, p99 := gaps[len(gaps)-1], gaps[len(gaps)*99/100]
	t.Logf("%d signatures during the storm: p99 %s, worst %s; %d matched, %d refused, peak %d of %d",
		len(gaps), p99, worst, matched.Load(), refused.Load(), counts.PeakRunning, counts.MaxRunning)
	if len(gaps) < 200 || p99 > limit {
		t.Errorf("the storm starved everything else: %d signatures, p99 %s of at most %s, worst %s", len(gaps), p99, limit, worst)
	}
}

func BenchmarkPasswordHash(b *testing.B) {
	for name, parameters := range map[string]PasswordParameters{
		"19MiB-t2-p1": DefaultPasswordParameters(),
		"7MiB-t5-p1":  {MemoryKiB: 7 << 10, Iterations: 5, Parallelism: 1},
		"46MiB-t1-p1": {MemoryKiB: 46 << 10, Iterations: 1, Parallelism: 1},
		"64MiB-t3-p1": {MemoryKiB: 64 << 10, Iterations: 3, Parallelism: 1},
	} {
		b.Run(name, func(b *testing.B) {
			hasher, err := NewPasswordHasher(PasswordHasherOptions{Parameters: parameters})
			if err != nil {
				b.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := hasher.Hash(b.Context(), FromString("correct horse battery staple")); err != nil {
					b.Fatal(err)
				}
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.NumGC-before.NumGC)/float64(b.N), "gc/op")
			b.ReportMetric(float64(after.PauseTotalNs-before.PauseTotalNs)/float64(b.N), "pause-ns/op")
			b.ReportMetric(float64(after.HeapSys)/(1<<20), "heap-sys-MiB")
		})
	}
}
