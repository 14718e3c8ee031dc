package ui

import "time"

// Page is a view model. The types of this package are the only ones, so that
// every page is in the catalogue of docs/pages.md.
//
// An Action or another address of ours is a path below the
// issuer, such as "/login"; the issuer's path is added when the page
// is rendered. Interaction and Token fill the hidden inputs "interaction" and
// "csrf_token"; an empty one is left out.
type Page interface{ template() string }

// LoginPage asks for username and password.
type LoginPage struct {
	Action      string
	Interaction string
	Token       string

	Identifier string // what was typed, or the login_hint
	ClientName string // "" without a client
	ClientHost string // where the browser goes afterwards

	// User is the name of the user who is signed in and has to sign in again;
	// "" for an ordinary sign-in.
	User string
	// OtherUser is the name of the signed-in user while the client asks for
	// another one; "" if it doesn't.
	OtherUser string

	Notice string // message key of a notice; "" for none
	// Warning is the message key of what makes the client less trustworthy than others; "" for none.
	Warning string

	LogoURL   string // of the client, a path of ours; "" for none
	PolicyURI string // shown if http or https
	TermsURI  string // shown if http or https

	Error      string        // message key; "" for none
	RetryAfter time.Duration // shown with an error that is about too many attempts
}

// ScopeView is one line of the requested access.
type ScopeView struct {
	Name        string
	Description string
}

// ResourceView is a resource server with the access requested there.
type ResourceView struct {
	Host   string // of its identifier; "" if it has none
	URI    string // its identifier (RFC 8707)
	Scopes []ScopeView
}

// ConsentPage asks whether a client may have the access that it requests. The buttons send
// decision=allow or decision=deny.
type ConsentPage struct {
	Action      string
	Interaction string
	Token       string
	Shown       string // a digest of what the page shows, sent back with the decision

	ClientName string
	ClientHost string // where the browser goes afterwards, see oauth.RedirectHost
	ClientURI  string // the client's home page; shown if http or https

	UserName         string
	SwitchAccountURL string // a path of ours, may have a query; "" for no such link
	SignOutURL       string // a path of ours; "" for no such link

	Scopes    []ScopeView    // at this server
	Claims    []string       // names of standard claims requested besides the scopes
	Resources []ResourceView // at other servers
	// Lasts is how long the client keeps its access at most; Offline says that it keeps it after the user signs out.
	Lasts     time.Duration
	Offline   bool
	LogoURL   string // a path of ours; "" for none
	PolicyURI string // shown if http or https
	TermsURI  string // shown if http or https

	// Warning is the message key of what makes this client less trustworthy than
	// others; "" for nothing.
	Warning string
	Error   string // message key; "" for none
}

// SelectAccountPage asks which account to continue with. The buttons send account=current or account=other.
type SelectAccountPage struct {
	Action      string
	Interaction string
	Token       string

	ClientName string
	ClientHost string // where the browser goes afterwards

	UserName string // who is signed in
	Email    string // "" if there is none

	SignOutURL string // a path of ours; "" for no such link
}

// FormPostPage posts an authorization response to a client, by itself where
// scripts run. It needs httpx.AllowFormAction for its action, and httpx.AllowScript for [FormPostScript].
type FormPostPage struct {
	Action string // the client's redirect URI, as it is registered
	Host   string // where that is, see oauth.RedirectHost
	Fields []Field
}

// Field is a hidden input.
type Field struct{ Name, Value string }

// FormPostScript is the script of [FormPostPage], byte for byte as in the page.
const FormPostScript = `document.getElementById("form-post").submit()`

// LeavePage says where the browser would go with an error, to a client that no operator has verified, and has
// a link to continue, or a form if the response is posted; then it needs httpx.AllowFormAction for the form's action.
type LeavePage struct {
	Host string // where that is, see oauth.RedirectHost
	Code string // the error that the client would read; "" for none

	ContinueURL string // the client's address with the response; "" if it is posted
	Action      string // the client's redirect URI, as it is registered
	Fields      []Field
}

// LogoutPage asks whether to sign out. The buttons send decision=logout or decision=stay.
type LogoutPage struct {
	Action      string
	Interaction string
	Token       string

	UserName   string
	ClientName string // the client that requests the logout; "" if the user does
}

// SignedOutPage says that the user is signed out. With frames it tells clients
// so, and with an address it continues there: when the frames have loaded where scripts run, otherwise
// some seconds later. It needs httpx.AllowFrames for the frames, and httpx.AllowScript for
// [SignedOutScript] if it continues.
type SignedOutPage struct {
	LoginURL string // a path of ours; "" for no such link

	Frames       []string // logout addresses of clients, with their parameters
	ContinueURL  string   // a client's address, as it is registered and with its parameters; "" to stay
	ContinueHost string   // where that is, see oauth.RedirectHost
	LinkOnly     bool     // the page has only a link and doesn't continue by itself
}

// SignedOutScript is the script of [SignedOutPage], byte for byte as in the page.
// The load event fires when all frames have loaded or failed; a frame that never answers is not waited for.
// It continues only once: a second navigation would request a slow address again.
const SignedOutScript = `(function () {
  var on = document.getElementById("signed-out-continue").href, gone = false;
  function go() { if (!gone) { gone = true; location.replace(on); } }
  addEventListener("load", go);
  setTimeout(go, 5000);
})();`

// SetupPurpose is what the form of a [SetupPage] does.
type SetupPurpose string

// The purposes.
const (
	SetupFirst    SetupPurpose = "first"    // the first administrator
	SetupFurther  SetupPurpose = "further"  // another administrator
	SetupPassword SetupPurpose = "password" // a new password for the administrator Username
)

// SetupPage creates an administrator, or gives one a new password.
type SetupPage struct {
	Action     string
	Purpose    SetupPurpose
	Token      string // hidden input "csrf_token"
	SetupToken string // hidden input "setup_token"

	Username string
	Email    string

	PasswordMinimum int // characters; 0 leaves the hint out

	Error  string            // message key about the whole form; "" for none
	Errors map[string]string // input name → message key
}

// TitleKey is the message key of the page's title.
func (p SetupPage) TitleKey() string {
	switch p.Purpose {
	case SetupFurther:
		return "setup.title_further"
	case SetupPassword:
		return "setup.title_password"
	case SetupFirst:
		return "setup.title"
	default:
		return "setup.title"
	}
}

// PasswordPage lets a person choose a password.
type PasswordPage struct {
	Action      string
	Interaction string
	Token       string
	Ticket      string // hidden input "ticket"

	// Invitation: the user has no password yet; otherwise they got one from an administrator.
	Invitation bool
	UserName   string // whose password it is

	PasswordMinimum int // characters; 0 leaves the hint out

	Error  string            // message key about the whole form; "" for none
	Errors map[string]string // input name → message key
}

// ErrorPage says that a request failed and that the browser is not redirected.
type ErrorPage struct {
	Title       string // message key; a general one if empty or unknown
	Message     string // message key; a general one if empty or unknown
	Code        string // the specification's error code, for developers; "" for none
	Description string // what a developer should know; "" for none
	RequestID   string // filled in from the request if empty
}

// MessagePage shows a message that is neither a question nor an error.
type MessagePage struct {
	Title   string // message key
	Message string // message key
	LinkURL string // a path of ours; "" for no link
	Link    string // message key of the link's text
}

// HomePage is the page at the issuer's root.
type HomePage struct {
	Issuer        string
	UserName      string // the signed-in user; "" for none
	PlaygroundURL string // a path of ours; "" outside of development
	DiscoveryURL  string // a path of ours; "" for no link
	LogoutURL     string // a path of ours; "" for no link
}

func (LoginPage) template() string   { return "login.html" }
func (ConsentPage) template() string { return "consent.html" }

func (SelectAccountPage) template() string { return "select_account.html" }
func (FormPostPage) template() string      { return "form_post.html" }
func (LeavePage) template() string         { return "leave.html" }

func (LogoutPage) template() string    { return "logout.html" }
func (SignedOutPage) template() string { return "signed_out.html" }
func (SetupPage) template() string     { return "setup.html" }
func (PasswordPage) template() string  { return "password.html" }
func (ErrorPage) template() string     { return "error.html" }
func (MessagePage) template() string   { return "message.html" }
func (HomePage) template() string      { return "home.html" }

// withRequestID returns the page with the identifier from the log line.
func (p ErrorPage) withRequestID(id string) ErrorPage {
	if p.RequestID == "" {
		p.RequestID = id
	}
	return p
}
