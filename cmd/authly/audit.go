package main

import (
	"context"
	"io"

	"authly"
	"authly/internal/cli"
	"authly/internal/config"
)

func readAudit(ctx context.Context, settings config.Config, query cli.AuditQuery, each func(cli.AuditEvent) error) error {
	return authly.ReadAudit(ctx, settings, authly.Options{}, authly.AuditQuery(query), func(event authly.AuditEvent) error {
		return each(auditEvent(event))
	})
}

func exportAudit(ctx context.Context, settings config.Config, query cli.AuditQuery, to io.Writer) error {
	return authly.ExportAudit(ctx, settings, authly.Options{}, authly.AuditQuery(query), func(event authly.AuditEvent) any { return auditEvent(event) }, to)
}

func auditEvent(event authly.AuditEvent) cli.AuditEvent {
	return cli.AuditEvent{
		ID: event.ID.String(), OccurredAt: event.OccurredAt, Action: string(event.Action), Outcome: string(event.Outcome),
		ActorKind: string(event.Actor.Kind), ActorID: event.Actor.ID, ActorName: event.Actor.Name, ClientID: event.ClientID,
		TargetKind: event.Target.Kind, TargetID: event.Target.ID, TargetName: event.Target.Name,
		Address: event.Origin.Address, RequestID: event.Origin.RequestID, Details: event.Details, Batch: event.Batch,
	}
}

func verifyAudit(ctx context.Context, settings config.Config, head string) (cli.AuditVerification, error) {
	found, err := authly.VerifyAudit(ctx, settings, authly.Options{}, head)
	return cli.AuditVerification(found), err
}

func verifyAuditExport(ctx context.Context, settings config.Config, from io.Reader) (cli.AuditExportVerification, error) {
	found, err := authly.VerifyAuditExport(ctx, settings, authly.Options{}, from)
	verified := cli.AuditExportVerification{Events: found.Events, At: found.At, Head: found.Head, Problem: found.Problem}
	if found.HeadSealedAt != nil {
		verified.HeadSealedAt = *found.HeadSealedAt
	}
	return verified, err
}
