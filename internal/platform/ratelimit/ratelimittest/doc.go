// Package ratelimittest tests the contract of [ratelimit.Store] for every
// store, and gives tests a Redis.
//
// TEST_REDIS_URL names a Redis server. A test that needs one and can't reach it
// fails, unless TEST_ENGINES=sqlite says that this is a quick run without servers.
package ratelimittest
