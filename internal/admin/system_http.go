package admin

import (
	"context"
	"net/http"

	"authly/internal/platform/jobs"
)

type jobPath struct {
	Name string `path:"job" maxLength:"64" doc:"The name of the job, as the status has it."`
}

func (s *system) mount(to operations) {
	const read, write = "admin:system:read", "admin:system:write"
	register(to, operation{method: http.MethodGet, path: "/system/status", id: "get-system-status", summary: "Get the state of the node that answers", scope: read, signIn: anySignIn}, s.httpStatus)
	register(to, operation{method: http.MethodGet, path: "/system/statistics", id: "get-system-statistics", summary: "Get how much there is of everything, by the last count", scope: read, signIn: anySignIn}, s.httpStatistics)
	register(to, operation{method: http.MethodGet, path: "/system/jobs/{job}", id: "get-job", summary: "Get what is known of a job on the node that answers", scope: read, signIn: anySignIn}, s.httpJob)
	register(to, operation{method: http.MethodPost, path: "/system/jobs/{job}/run", id: "run-job", summary: "Have a job of housekeeping done before its time, on the node that answers, without waiting for it", scope: write, signIn: anySignIn, status: http.StatusAccepted}, s.httpRun)
}

func (s *system) httpStatus(ctx context.Context, _ *struct{}) (*struct{ Body SystemStatus }, error) {
	shown, err := s.status(ctx)
	if err != nil {
		return nil, err
	}
	return &struct{ Body SystemStatus }{shown}, nil
}

func (s *system) httpStatistics(ctx context.Context, _ *struct{}) (*struct{ Body Statistics }, error) {
	counted, err := s.dashboard.get(ctx)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Statistics }{counted}, nil
}

func (s *system) httpJob(_ context.Context, in *jobPath) (*struct{ Body JobStatus }, error) {
	return answerWithJob(s.job(in.Name))
}

func (s *system) httpRun(ctx context.Context, in *jobPath) (*struct{ Body JobStatus }, error) {
	return answerWithJob(s.run(ctx, principal(ctx), in.Name))
}

func answerWithJob(state jobs.State, err error) (*struct{ Body JobStatus }, error) {
	if err != nil {
		return nil, err
	}
	return &struct{ Body JobStatus }{jobView(state)}, nil
}
