package admin

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"authly/internal/audit"
	"authly/internal/client"
	signing "authly/internal/keys"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/session"
	"authly/internal/token"
	"authly/internal/user"
)

// vocabulary is a type of which every value is one of a few words, wherever it is in a
// request or an answer. Members that can be absent leave it out or have null, and no empty word.
type vocabulary struct {
	of    reflect.Type
	by    reflect.Type // what describes it
	words []any
}

// vocabularies are all of them. What a request may have is in the words of the feature that
// takes it, so that both know the same ones.
func vocabularies() []vocabulary {
	return []vocabulary{
		vocabularyOf(client.AuthenticationMethods()...), vocabularyOf(client.ApplicationTypes()...), vocabularyOf(client.GrantTypes()...),
		vocabularyOf(client.ResponseTypes()...), vocabularyOf(oauth.ResponseModes()...), vocabularyOf(client.SecurityProfiles()...),
		vocabularyOf(client.PKCEPolicies()...), vocabularyOf(client.ConsentPolicies()...), vocabularyOf(client.AccessTokenFormats()...),
		vocabularyOf(client.RefreshTokenRotations()...), vocabularyOf(client.AssertionAudiences()...), vocabularyOf(client.SubjectTypes()...),
		vocabularyOf(jose.Algorithms()...), vocabularyOf(jose.KeyAlgorithms()...), vocabularyOf(jose.ContentEncryptions()...),
		vocabularyOf(client.Active, client.Disabled), vocabularyOf(client.ByAdministrator, client.ByClient), vocabularyOf(client.PublicType, client.ConfidentialType),
		vocabularyOf(user.Active, user.Disabled), vocabularyOf(session.Active, session.Expired, session.Ended),
		vocabularyOf(registration.Live, registration.UsedUp, registration.Expired, registration.Revoked),
		vocabularyOf(token.KindFamily, token.KindAccessToken), vocabularyOf(token.ReasonCodeReplayed, token.ReasonRefreshReused,
			token.ReasonRevoked, token.ReasonUserEnded, token.ReasonClientEnded, token.ReasonAdministrator, token.ReasonBackup),
		vocabularyOf(signing.Next, signing.Active, signing.Retired),
		vocabularyOf(audit.Actions()...), vocabularyOf(audit.Success, audit.Failure),
		vocabularyOf(audit.User, audit.Client, audit.Operator, audit.Server, audit.Unknown),
	}
}

func vocabularyOf[T ~string](words ...T) vocabulary {
	made := vocabulary{of: reflect.TypeFor[T](), by: reflect.TypeFor[word[T]]()}
	for _, each := range words {
		made.words = append(made.words, string(each))
	}
	return made
}

// word describes a T, whose own package knows nothing of descriptions.
type word[T ~string] struct{}

// Schema describes a text that is one of the words of T.
func (word[T]) Schema(huma.Registry) *huma.Schema {
	described := &huma.Schema{Type: huma.TypeString}
	for _, each := range vocabularies() {
		if each.of == reflect.TypeFor[T]() {
			described.Enum = each.words
		}
	}
	return described
}

// newSchemas returns where descriptions of types are kept, with those of all vocabularies.
func newSchemas() huma.Registry {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	for _, each := range vocabularies() {
		registry.RegisterTypeAlias(each.of, each.by)
	}
	return registry
}

// nameNull adds null to the words of members that may be null: for JSON Schema it is a value as
// any other. What refuses wrong words has its messages already, which don't have it.
func nameNull(described *huma.Schema) {
	if described == nil {
		return
	}
	if described.Nullable && len(described.Enum) > 0 {
		described.Enum = append(described.Enum[:len(described.Enum):len(described.Enum)], nil)
	}
	nameNull(described.Items)
	for _, member := range described.Properties {
		nameNull(member)
	}
}
