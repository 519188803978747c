//! Keycloak's admin REST: realms, clients, users.

mod clients; // clients of a realm, initial access and registration tokens
mod realms; // realms
mod users; // users, their passwords and mail

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::{get, post, put},
};

use super::{Shared, answers::Refusal, token::is_admin};

/// The routes below `/admin/realms`; each asks for a token of an administrator first.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(realms::list).post(realms::create))
        .route("/{realm}", get(realms::read).put(realms::update).delete(realms::remove))
        .route("/{realm}/clients-initial-access", post(clients::initial_access))
        .route("/{realm}/clients", get(clients::list).post(clients::create))
        .route("/{realm}/clients/{id}", get(clients::read).delete(clients::remove))
        .route("/{realm}/clients/{id}/client-secret", get(clients::secret))
        .route("/{realm}/clients/{id}/registration-access-token", post(clients::registration_token))
        .route("/{realm}/users", get(users::list).post(users::create))
        .route("/{realm}/users/count", get(users::count))
        .route("/{realm}/users/{id}", get(users::read).put(users::update).delete(users::remove))
        .route("/{realm}/users/{id}/reset-password", put(users::reset_password))
        .route("/{realm}/users/{id}/execute-actions-email", put(users::actions_mail))
}

/// Puts the question for an administrator's token before every route of `router`.
pub(super) fn guarded(router: Router<Arc<Shared>>, shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    router.layer(from_fn_with_state(shared.clone(), guard))
}

async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Result<Response, Refusal> {
    is_admin(&shared, request.headers())?;
    Ok(next.run(request).await)
}
