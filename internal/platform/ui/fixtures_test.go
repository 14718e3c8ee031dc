package ui

import "time"

// fixtures are the pages that the goldens, the markup rules and docs/pages.md are
// checked against: every page type in every state that looks different.
var fixtures = []struct {
	name   string
	status int
	page   Page
}{
	{"login", 200, LoginPage{
		Action: "/login", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token",
		ClientName: "Garden Planner", ClientHost: "garden.example.com",
	}},
	{"login_plain", 200, LoginPage{Action: "/login", Token: "form-token"}},
	{"login_failed", 200, LoginPage{
		Action: "/login", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token",
		Identifier: "alice", ClientName: "Garden Planner", ClientHost: "garden.example.com", Error: "login.failed",
	}},
	{"login_limited", 429, LoginPage{
		Action: "/login", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token",
		Identifier: "alice", ClientName: "Garden Planner", Error: "login.limited", RetryAfter: 90 * time.Second,
	}},
	{"login_again", 200, LoginPage{
		Action: "/login", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token",
		Identifier: "alice", User: "alice", ClientName: "Garden Planner", ClientHost: "garden.example.com",
	}},
	{"login_other", 200, LoginPage{
		Action: "/login", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token",
		OtherUser: "alice", ClientName: "Garden Planner", ClientHost: "garden.example.com",
	}},
	{"login_create", 200, LoginPage{
		Action: "/login", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token", Notice: "login.no_registration",
		Warning:    "consent.self_registered",
		ClientName: "Garden Planner", ClientHost: "garden.example.com", LogoURL: "/logos/client_1",
		PolicyURI: "https://garden.example.com/privacy", TermsURI: "https://garden.example.com/terms",
	}},
	{"select_account", 200, SelectAccountPage{
		Action: "/select-account", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token",
		ClientName: "Garden Planner", ClientHost: "garden.example.com", UserName: "alice", Email: "alice@example.com", SignOutURL: "/logout",
	}},
	{"form_post", 200, FormPostPage{
		Action: "https://garden.example.com/callback?x=1", Host: "garden.example.com",
		Fields: []Field{{"code", "abc"}, {"state", `"><script>`}, {"iss", "https://id.example.com"}},
	}},
	{"form_post_native", 200, FormPostPage{Action: "com.example.app:/callback", Host: "com.example.app", Fields: []Field{{"code", "abc"}}}},
	{"leave", 200, LeavePage{Host: "evil.example", Code: "login_required", ContinueURL: "https://evil.example/callback?error=login_required&state=a%22%3C"}},
	{"leave_post", 200, LeavePage{
		Host: "evil.example", Code: "access_denied", Action: "https://evil.example/callback", Fields: []Field{{"error", "access_denied"}, {"state", `"><script>`}, {"iss", "https://id.example.com"}},
	}},
	{"consent_claims", 200, ConsentPage{
		Action: "/consent", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token",
		ClientName: "Notes", ClientHost: "notes.example", UserName: "alice", Scopes: []ScopeView{{"openid", "Know that it is you"}},
		Claims: []string{"name", "phone_number"}, LogoURL: "/logos/client_1", Warning: "consent.self_registered",
	}},
	{"consent", 200, ConsentPage{
		Action: "/consent", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token",
		ClientName: "Garden Planner", ClientHost: "garden.example.com", ClientURI: "https://garden.example.com/",
		UserName: "alice", SwitchAccountURL: "/login?interaction=01985e2a-7c00-7000-8000-000000000001&switch=1",
		Scopes: []ScopeView{
			{"openid", "Know that it is you"},
			{"profile", "See your name and your other profile data"},
			{"email", "See your e-mail address"},
			{"offline_access", "Stay connected while you are away"},
		},
		PolicyURI: "https://garden.example.com/privacy", TermsURI: "https://garden.example.com/terms",
	}},
	{"consent_resources", 200, ConsentPage{
		Action: "/consent", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token", Shown: "digest",
		ClientName: "Garden Planner", ClientHost: "garden.example.com", UserName: "alice", SwitchAccountURL: "/login?switch=1", SignOutURL: "/logout",
		Scopes: []ScopeView{{"openid", "Know that it is you"}},
		Resources: []ResourceView{
			{"weather.example", "https://weather.example/v1", []ScopeView{{"weather:read", "Read the forecast"}, {"weather:write", ""}}},
			{"", "urn:example:soil", nil},
		},
		Lasts: 90 * 24 * time.Hour, Offline: true,
	}},
	{"consent_resource_alone", 200, ConsentPage{
		Action: "/consent", Token: "form-token", ClientName: "Notes", ClientHost: "notes.example", UserName: "alice",
		Resources: []ResourceView{{"weather.example", "https://weather.example", []ScopeView{{"weather:read", "Read the forecast"}}}}, Lasts: 12 * time.Hour,
	}},
	{"consent_bare", 200, ConsentPage{
		Action: "/consent", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token",
		ClientName: "Notes", ClientHost: "127.0.0.1", UserName: "alice", Error: "login.csrf",
	}},
	{"logout", 200, LogoutPage{
		Action: "/logout", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token",
		UserName: "alice", ClientName: "Garden Planner",
	}},
	{"logout_self", 200, LogoutPage{Action: "/logout", Token: "form-token", UserName: "alice"}},
	{"signed_out", 200, SignedOutPage{LoginURL: "/login"}},
	{"signed_out_link", 200, SignedOutPage{ContinueURL: "https://shop.example/bye?state=a", ContinueHost: "shop.example", LinkOnly: true}},
	{"signed_out_frames", 200, SignedOutPage{
		LoginURL: "/login", Frames: []string{"https://garden.example.com/logout?iss=https%3A%2F%2Fid.example.com&sid=01985e2a-7c00-7000-8000-000000000001"},
	}},
	{"signed_out_onward", 200, SignedOutPage{
		Frames: []string{
			"https://garden.example.com/logout?iss=https%3A%2F%2Fid.example.com&sid=01985e2a-7c00-7000-8000-000000000001",
			"http://localhost:3000/out?a=b&iss=https%3A%2F%2Fid.example.com&sid=01985e2a-7c00-7000-8000-000000000001",
		},
		ContinueURL: "https://garden.example.com/goodbye?from='authly'&state=a+b%22%3C", ContinueHost: "garden.example.com",
	}},
	{"signed_out_native", 200, SignedOutPage{
		Frames:      []string{"https://garden.example.com/logout?iss=https%3A%2F%2Fid.example.com&sid=01985e2a-7c00-7000-8000-000000000001"},
		ContinueURL: "com.example.garden:/goodbye?state=abc", ContinueHost: "com.example.garden",
	}},
	{"setup", 200, SetupPage{Action: "/setup", Token: "form-token", SetupToken: "setup-token", PasswordMinimum: 12}},
	{"setup_further", 200, SetupPage{Action: "/setup", Purpose: SetupFurther, SetupToken: "setup-token", PasswordMinimum: 12}},
	{"setup_password", 200, SetupPage{Action: "/setup", Purpose: SetupPassword, SetupToken: "setup-token", Username: "alice", PasswordMinimum: 12}},
	{"setup_password_wrong", 400, SetupPage{
		Action: "/setup", Purpose: SetupPassword, SetupToken: "setup-token", Username: "alice", PasswordMinimum: 12,
		Errors: map[string]string{"password": "password.context_word"},
	}},
	{"setup_wrong", 400, SetupPage{
		Action: "/setup", Token: "form-token", SetupToken: "setup-token", Username: "al ice", Email: "alice", PasswordMinimum: 12,
		Errors: map[string]string{
			"username": "user.username_invalid", "email": "user.email_invalid",
			"password": "password.too_short", "password_confirmation": "password.mismatch",
		},
	}},
	{"password", 200, PasswordPage{
		Action: "/login/password", Interaction: "01985e2a-7c00-7000-8000-000000000001", Token: "form-token", Ticket: "ticket", UserName: "alice", PasswordMinimum: 15,
	}},
	{"password_wrong", 400, PasswordPage{
		Action: "/login/password", Token: "form-token", Ticket: "ticket", UserName: "alice", PasswordMinimum: 15,
		Errors: map[string]string{"password": "password.unchanged", "password_confirmation": "password.mismatch"},
	}},
	{"password_invitation", 200, PasswordPage{Action: "/invitation", Ticket: "ticket", Invitation: true, UserName: "alice", PasswordMinimum: 15}},
	{"error", 400, ErrorPage{
		Title: "error.request.title", Message: "error.request.message",
		Code: "invalid_request", Description: "the redirect_uri is not registered for this client",
		RequestID: "01985e2a-7c00-7000-8000-0000000000ff",
	}},
	{"error_server", 500, ErrorPage{
		Title: "error.server.title", Message: "error.server.message", RequestID: "01985e2a-7c00-7000-8000-0000000000ff",
	}},
	{"message", 200, MessagePage{
		Title: "message.finished_title", Message: "message.finished", LinkURL: "/", Link: "link.home",
	}},
	{"message_open_again", 404, MessagePage{Title: "link.open_again_title", Message: "link.open_again"}},
	{"home", 200, HomePage{
		Issuer: "http://localhost:8080", PlaygroundURL: "/playground", DiscoveryURL: "/.well-known/openid-configuration",
		UserName: "alice", LogoutURL: "/logout",
	}},
	{"home_plain", 200, HomePage{Issuer: "https://id.example.com"}},
}
