//! Says what a server would refuse in a configuration, and what is risky about it:
//!
//! ```text
//! cargo run -p platform-mesh-oidc-config --example lint_authentication_configuration FILE
//! ```
//!
//! FILE is an AuthenticationConfiguration, a WorkspaceAuthenticationConfiguration or an AuthorizationConfiguration, as
//! YAML or JSON. Without one, a configuration with the usual mistakes is looked at. Exit code 0: nothing to say;
//! 1: findings; 2: no configuration, or one that a server refuses.

use std::process::ExitCode;

use oidc_config::Configuration;

/// Two organisations behind one server, made in a hurry.
const HURRIED: &[u8] = br#"
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer: {url: "https://portal.example.org/realms/acme", audiences: [portal]}
  claimMappings:
    username: {claim: email, prefix: ""}
    groups: {claim: groups, prefix: ""}
- issuer: {url: "http://portal.example.org/realms/umbrella", audiences: [portal]}
  claimMappings:
    username: {claim: preferred_username, prefix: "umbrella:"}
"#;

fn main() -> ExitCode {
    let text = match std::env::args_os().nth(1) {
        Some(path) => match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{} cannot be read: {error}", path.display());
                return ExitCode::from(2);
            }
        },
        None => HURRIED.to_vec(),
    };
    let configuration = match Configuration::read(&text) {
        Ok(configuration) => configuration,
        Err(error) => {
            eprintln!("{error}\n  help: {}", error.help());
            return ExitCode::from(2);
        }
    };
    let (faults, findings) = (configuration.validate(), configuration.lint());
    for fault in &faults {
        println!("refused  {}\n         {}\n", fault.field, fault.message);
    }
    for finding in &findings {
        println!("risky    {}\n         {}\n         do: {}\n", finding.field, finding.risk, finding.remedy);
    }
    match (faults.is_empty(), findings.is_empty()) {
        (false, _) => ExitCode::from(2),
        (true, false) => ExitCode::FAILURE,
        (true, true) => {
            println!("nothing to say");
            ExitCode::SUCCESS
        }
    }
}
