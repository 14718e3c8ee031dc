package ui

import "time"

// Page is a view model. The types of this package are the only ones, so that
// every page is in the catalogue of docs/pages.md.
//
// In all of them an Action or another address of ours is a path below the
// issuer, such as "/login"; the issuer's own path is put in front when the page
// is rendered. Interaction and Token fill the hidden inputs "interaction" and
// "csrf_token"; an empty one is left out.
type Page interface{ template() string }

// LoginPage asks for username and password.
type LoginPage struct {
	Action      string
	Interaction string
	Token       string

	Identifier string // what was typed, or the login_hint
	ClientName string // "" if nobody asks but we
	ClientHost string // where the browser goes afterwards

	// User is the name of the person who is signed in and has to sign in again;
	// "" for an ordinary sign-in.
	User string
	// OtherUser is the name of the person who is signed in while the client asks for
	// another one; "" if it doesn't.
	OtherUser string

	Notice string // message key of what a person should know; "" for nothing
	// Warning is the message key of what makes the client less trustworthy than others; "" for nothing.
	Warning string

	LogoURL   string // of the client, a path of ours; "" for none
	PolicyURI string // shown if http or https
	TermsURI  string // shown if http or https

	Error      string        // message key; "" for none
	RetryAfter time.Duration // shown with an error that is about too many attempts
}

// ScopeView is one line of what a client asks for.
type ScopeView struct {
	Name        string
	Description string
}

// ResourceView is a resource server with what a client asks for there.
type ResourceView struct {
	Host   string // of its identifier; "" if it has none
	URI    string // its identifier (RFC 8707)
	Scopes []ScopeView
}

// ConsentPage asks whether a client may have what it asks for. The buttons send
// decision=allow or decision=deny.
type ConsentPage struct {
	Action      string
	Interaction string
	Token       string
	Shown       string // a digest of what the page shows, which comes back with the decision

	ClientName string
	ClientHost string // where the browser goes afterwards, see oauth.RedirectHost
	ClientURI  string // the client's home page; shown if http or https

	UserName         string
	SwitchAccountURL string // a path of ours, may have a query; "" for no such link
	SignOutURL       string // a path of ours; "" for no such link

	Scopes    []ScopeView    // at this server
	Claims    []string       // names of standard claims that are asked for beside the scopes
	Resources []ResourceView // elsewhere
	// Lasts is how long the client keeps its access at most; Offline says that it does also after signing out.
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

// SelectAccountPage asks as whom to go on. The buttons send account=current or account=other.
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

// FormPostScript is the script of [FormPostPage], byte for byte as the page has it.
const FormPostScript = `document.getElementById("form-post").submit()`

// LeavePage says where the browser would go with an error, to a client that nobody has checked, and has
// a link to go there, or a form if the response is posted; then it needs httpx.AllowFormAction for the form's action.
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
	ClientName string // who asks for it; "" if nobody but the person
}

// SignedOutPage says that nobody is signed in any more. With frames it tells clients
// so, and with an address it goes on to it: when the frames have loaded where scripts run, else
// some seconds later. It needs httpx.AllowFrames for the frames, and httpx.AllowScript for
// [SignedOutScript] if it goes on.
type SignedOutPage struct {
	LoginURL string // a path of ours; "" for no such link

	Frames       []string // logout addresses of clients, with their parameters
	ContinueURL  string   // a client's address, as it is registered and with its parameters; "" to stay
	ContinueHost string   // where that is, see oauth.RedirectHost
	LinkOnly     bool     // whether the page doesn't go on by itself
}

// SignedOutScript is the script of [SignedOutPage], byte for byte as the page has it.
// The load event comes when all frames have loaded, or can't be; one that never answers is not waited for.
// It goes on once: a second navigation would ask a slow address again.
const SignedOutScript = `(function () {
  var on = document.getElementById("signed-out-continue").href, gone = false;
  function go() { if (!gone) { gone = true; location.replace(on); } }
  addEventListener("load", go);
  setTimeout(go, 5000);
})();`

// SetupPurpose is what comes of the form of a [SetupPage].
type SetupPurpose string

// The purposes.
const (
	SetupFirst    SetupPurpose = "first"    // the first administrator
	SetupFurther  SetupPurpose = "further"  // one beside those that there are
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

	// Invitation: the person has none yet; otherwise they were given one.
	Invitation bool
	UserName   string // whose password it is

	PasswordMinimum int // characters; 0 leaves the hint out

	Error  string            // message key about the whole form; "" for none
	Errors map[string]string // input name → message key
}

// ErrorPage says that something went wrong and that nobody was sent anywhere.
type ErrorPage struct {
	Title       string // message key; a general one if empty or unknown
	Message     string // message key; a general one if empty or unknown
	Code        string // the specification's error code, for developers; "" for none
	Description string // what a developer should know; "" for none
	RequestID   string // filled in from the request if empty
}

// MessagePage says something that is neither a question nor a failure.
type MessagePage struct {
	Title   string // message key
	Message string // message key
	LinkURL string // a path of ours; "" for no link
	Link    string // message key of the link's text
}

// HomePage stands at the issuer's root and tells a visitor where they are.
type HomePage struct {
	Issuer        string
	UserName      string // who is signed in; "" for nobody
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

// withRequestID returns the page with the identifier that the log line has.
func (p ErrorPage) withRequestID(id string) ErrorPage {
	if p.RequestID == "" {
		p.RequestID = id
	}
	return p
}
