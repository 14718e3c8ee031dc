package conformance

// rotationChecks are about the keys of the provider, which only its operator can
// replace.
func rotationChecks() []Check {
	rotated := func(p *probe) (before grant) {
		if p.env.RotateKeys == nil {
			p.skip("the kit has no way to let the provider rotate its keys")
		}
		before = p.signIn(p.confidential())
		if err := p.env.RotateKeys(p.ctx); err != nil {
			p.fail("the keys can't be rotated: %v", err)
		}
		return before
	}
	kids := func(p *probe) map[any]bool {
		found := map[any]bool{}
		for _, key := range p.keys() {
			found[key["kid"]] = true
		}
		return found
	}
	return []Check{
		{"core-10.1.1-new-key", core, "10.1.1", "after a rotation there is a new key, and new ID tokens name another one than before", func(p *probe) {
			published := kids(p)
			before := rotated(p)
			fresh := 0
			for kid := range kids(p) {
				if !published[kid] {
					fresh++
				}
			}
			p.must(fresh > 0, "there is no new key")
			after := p.signIn(p.confidential())
			p.idToken(after.tokens)
			p.must(headerOf(after.tokens.text("id_token"))["kid"] != headerOf(before.tokens.text("id_token"))["kid"], "the kid is the same")
		}},
		{"core-10.1.1-old-key", core, "10.1.1", "after a rotation the old key is still there, and its tokens count", func(p *probe) {
			before := rotated(p)
			if !kids(p)[headerOf(before.tokens.text("id_token"))["kid"]] {
				p.warn("the old key is not there any more")
				return
			}
			p.idToken(before.tokens)
			p.userInfo(before.accessToken())
		}},
		{"core-3.1.2.2-old-hint", core, "3.1.2.2", "after a rotation an ID token of the old key is a good hint", func(p *probe) {
			before := rotated(p)
			sent := p.request(p.confidential(), with("prompt", "none"), with("id_token_hint", before.tokens.text("id_token")))
			ended := before.browser.authorize(sent)
			p.must(ended.response.Get("code") != "", "the response is %s", ended.response.Encode())
		}},
	}
}
