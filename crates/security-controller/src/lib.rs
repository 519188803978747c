//! Gives every organisation its relationship store and model, its realm and clients, and takes them away again; writes
//! the tuples of accounts and export policies. Prepares what others decide by; never answers a question of authorization.
//!
//! Five modes, together in one process or each in its own:
//!
//! | mode | reconciles |
//! | --- | --- |
//! | [`Mode::Fga`] | Stores, AuthorizationModels, AccountInfos, Invites; organisations and accounts that are ready |
//! | [`Mode::System`] | IdentityProviderConfigurations, APIExportPolicies |
//! | [`Mode::ModelGenerator`] | APIBindings: one module for each bound resource |
//! | [`Mode::Initializer`] | new workspaces of organisations and accounts |
//! | [`Mode::Terminator`] | workspaces that go |
//!
//! ```no_run
//! use std::sync::Arc;
//! use security_controller::{Mode, Options, Parts, run};
//!
//! # async fn start(kcp: kube::Client, store: Arc<dyn fga_client::RelationshipStore>,
//! #     realms: Arc<dyn identity_provider::IdentityProvider>) -> Result<(), security_controller::RunError> {
//! let options = Options { base_domain: "portal.example.org".into(), ..Options::default() };
//! let parts = Parts::in_process(&options, kcp, store, realms);
//! run(&Mode::ALL, options, parts, runtime::Stop::new()).await
//! # }
//! ```

mod options; // flags and environment, upstream's names
mod run; // modes and parts to running controllers
mod serve; // options to parts: a mode as a process

mod account; // the same of an account below: its tuples
mod account_info; // held while bindings need it
mod api_binding; // one module for each bound resource
mod api_export_policy;
mod authorization_model; // a module that a Store has merged, and its tuples
mod identity_provider_configuration; // realm and clients
mod invite; // a user, and the mail to them
mod organization; // a workspace of an organisation, new, ready, or going: start here
mod store; // relationship store, model and tuples of a Store // who may bind an export

mod app; // what all controllers share
mod orgs; // what is known of `root:orgs`
mod relationships; // tuples and stores, as controllers need them
mod write; // create or patch, guarded

mod admission; // HTTPS answers about realms
mod init_container; // the first clients of an empty identity provider

mod error; // what can go wrong, who acts
mod metrics; // upstream's names

pub use admission::RealmAdmission;
pub use error::RunError;
pub use init_container::{BootstrapClient, BootstrapConfig, init_container};
pub use options::{FlagNaming, Options};
pub use run::{
    Mode, Parts, Sources, WebhookServer, run, run_fga, run_initializer, run_model_generator, run_system,
    run_terminator,
};
pub use serve::{openfga, serve};
