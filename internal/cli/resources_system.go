package cli

func auditResource() resource {
	flags := map[string]string{"actor_id": "actor", "client_id": "client", "target_id": "target"}
	return resource{
		name: "audit",
		verbs: []verb{
			{
				name: "list", operation: "list-audit-events", manner: lists, rows: "audit_events", id: "id", flags: flags, named: map[string]argument{"client_id": clientArgument()},
				columns: []string{"occurred_at", "action", "outcome", "actor_name|actor_id|actor_kind", "target_kind", "target_name|target_id", "address"},
				long:    "Times are 2026-11-25, 2026-11-25T12:00:00Z, or how long ago: 24h.",
				example: "  authly audit list\n  authly audit list --action session.sign_in --outcome failure --since 24h\n  authly audit list --limit 1000 --output json",
			},
			{
				name: "show", operation: "get-audit-event", manner: shows, id: "id", example: "  authly audit show \"$EVENT_ID\" --output yaml",
				arguments: []argument{{name: "EVENT_ID", what: "the id of an event", from: source{operation: "list-audit-events", rows: "audit_events", id: "id", about: "action"}}},
			},
			{
				name: "export", operation: "export-audit-events", manner: copies, flags: flags, named: map[string]argument{"client_id": clientArgument()},
				long:    lastLine + "\n\nExit status 6 says that the answer broke off, and that not all of it is there.",
				example: "  authly audit export > audit.jsonl\n  authly audit export --since 2026-11-01 --until 2026-12-01 > november.jsonl",
			},
		},
	}
}

// systemResource has the commands that are no verb of a noun.
func systemResource() resource {
	return resource{verbs: []verb{
		{name: "status", operation: "get-system-status", manner: shows, short: "Show the state of the server", example: "  authly status\n  authly status --output json"},
		{name: "statistics", operation: "get-system-statistics", manner: shows, short: "Show how much there is of everything", example: "  authly statistics\n  authly statistics -o yaml"},
	}}
}

func jobResource() resource {
	one := []argument{{name: "JOB", what: "the name of a job", from: source{operation: "get-system-status", rows: "jobs", id: "name"}}}
	return resource{
		name: "job", short: "Look at the server's housekeeping, and have it done now",
		verbs: []verb{
			{
				name: "list", operation: "get-system-status", manner: lists, short: "List the jobs of the node that answers", rows: "jobs", id: "name",
				columns: []string{"name", "interval", "running", "failed", "started_at", "ended_at"}, example: "  authly job list",
			},
			{name: "show", operation: "get-job", manner: shows, arguments: one, id: "name", example: "  authly job show \"$(authly job list --quiet | head -n 1)\""},
			{name: "run", operation: "run-job", manner: acts, arguments: one, id: "name", example: "  authly job run \"$(authly job list --quiet | head -n 1)\""},
		},
	}
}
