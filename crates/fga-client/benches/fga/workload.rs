//! An organisation: accounts four levels deep, an owner role and a creator for each, grants, and the questions that the
//! authorization webhook asks about resources in them.

use std::sync::Arc;

use fga_engine::{CheckRequest, Engine, EngineParts, Explain, Limits, WriteRequest};
use fga_model::{AuthorizationModel, StoreId, TupleKey, parse_model};

/// Levels of accounts below the organisation.
const DEPTH_MAX: usize = 4;
/// Resource types; three of five are namespaced.
const RESOURCE_TYPES: usize = 40;
/// Tuples of one write while loading.
const CHUNK: usize = 10_000;
/// One grant for so many accounts.
const ACCOUNTS_PER_GRANT: usize = 2;
/// One role of so many is everybody's.
const ROLES_PER_WILDCARD: usize = 100;

/// A small generator of numbers: the same in every run.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `most`.
    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most.max(1)
    }

    /// A number below `most`, small ones far more often.
    pub fn skewed(&mut self, most: usize) -> usize {
        let unit = self.below(1 << 30) as f64 / f64::from(1 << 30);
        ((most as f64).powf(unit) - 1.0).max(0.0) as usize % most.max(1)
    }
}

/// The model of an organisation that binds 40 kinds.
pub fn model() -> AuthorizationModel {
    let mut text = String::from(
        "model\n  schema 1.1\ntype user\ntype role\n  relations\n    define assignee: [user, user:*]\ntype account\n  relations\n    define parent: [account]\n    define owner: [role#assignee] or owner from parent\n    define member: [role#assignee] or owner\n",
    );
    let verbs = ["create", "list", "watch"];
    for verb in verbs {
        for number in 0..RESOURCE_TYPES {
            text.push_str(&format!("    define {verb}_group_{number}_kinds: member\n"));
        }
    }
    text.push_str("type core_namespace\n  relations\n    define parent: [account]\n    define owner: [role#assignee] or owner from parent\n    define member: [role#assignee] or owner or member from parent\n");
    for number in 0..RESOURCE_TYPES {
        text.push_str(&format!("type group_{number}_kind\n  relations\n    define parent: [account, core_namespace]\n    define owner: [role#assignee] or owner from parent\n    define member: [role#assignee] or owner or member from parent\n"));
        for verb in ["get", "update", "patch", "watch", "list"] {
            text.push_str(&format!("    define {verb}: member\n"));
        }
        text.push_str("    define delete: owner\n");
    }
    parse_model(&text).unwrap_or_default()
}

fn account(number: usize) -> String {
    format!("account:root-cluster-{:06x}/account-{number}", number / 16)
}

fn role(number: usize, kind: &str) -> String {
    format!("role:account/root-cluster-{:06x}/account-{number}/{kind}", number / 16)
}

/// The tuples of an organisation with so many of them, about, in chunks of about so many: together they would be in the way of
/// a measurement of memory. Gives the parents of accounts.
pub fn tuples<E>(
    wanted: usize,
    chunk: usize,
    mut take: impl FnMut(Vec<TupleKey>) -> Result<(), E>,
) -> Result<Vec<usize>, E> {
    let mut numbers = Numbers::new(42);
    let accounts = (wanted * 2 / 8).max(2);
    let (mut tuples, mut depths, mut parents) = (Vec::new(), vec![0usize], vec![0usize]);
    for number in 0..accounts {
        // One account has five tuples at most.
        if tuples.len() + 5 > chunk {
            take(std::mem::take(&mut tuples))?;
        }
        if number > 0 {
            let mut parent = numbers.below(number);
            while depths.get(parent).copied().unwrap_or(0) >= DEPTH_MAX {
                parent = parents.get(parent).copied().unwrap_or(0);
            }
            depths.push(depths.get(parent).copied().unwrap_or(0) + 1);
            parents.push(parent);
            tuples.push(TupleKey::new(account(number), "parent", account(parent)));
        }
        let owner = role(number, "owner");
        tuples.push(TupleKey::new(account(number), "owner", format!("{owner}#assignee")));
        tuples.push(TupleKey::new(owner, "assignee", format!("user:user-{number}")));
        if number % ACCOUNTS_PER_GRANT == 0 {
            let granted = numbers.skewed(accounts);
            let member = role(number, "member");
            let user = match number % ROLES_PER_WILDCARD {
                50 => "user:*".to_owned(),
                _ => format!("user:user-{granted}"),
            };
            tuples.push(TupleKey::new(account(number), "member", format!("{member}#assignee")));
            tuples.push(TupleKey::new(member, "assignee", user));
        }
    }
    take(tuples)?;
    Ok(parents)
}

/// An engine that holds an organisation.
pub struct Loaded {
    pub engine: Arc<Engine>,
    pub store: StoreId,
    pub tuples: usize,
    parents: Vec<usize>,
}

impl Loaded {
    pub fn new(wanted: usize) -> Result<Self, Box<dyn std::error::Error>> {
        let limits = Limits { write_keys_max: CHUNK, ..Limits::default() };
        let engine = Arc::new(Engine::open(EngineParts { limits, ..EngineParts::default() })?);
        let store = engine.create_store("acme")?.id;
        engine.write_model(&store, &model())?;
        let mut count = 0;
        let parents = tuples(wanted, CHUNK, |chunk| {
            count += chunk.len();
            engine.write(&store, &WriteRequest::writes(chunk))
        })?;
        Ok(Self { engine, store, tuples: count, parents })
    }

    pub fn accounts(&self) -> usize {
        self.parents.len()
    }

    /// A namespaced `get` of somebody in some account.
    pub fn get(&self, account_number: usize, user: String, resource: usize) -> CheckRequest {
        let cluster = format!("cluster-{account_number:06x}");
        let object = format!("group_{}_kind:{cluster}/item-{resource}", resource % RESOURCE_TYPES);
        let namespace = format!("core_namespace:{cluster}/space");
        CheckRequest::new(object.clone(), "get", user)
            .with_contextual([
                TupleKey::new(object, "parent", namespace.clone()),
                TupleKey::new(namespace, "parent", account(account_number)),
            ])
            .decision_only()
    }

    /// A question that is denied: strangers, and users of other accounts.
    pub fn denied(&self, numbers: &mut Numbers) -> CheckRequest {
        let accounts = self.accounts();
        // A deep account, so that the whole way up is walked.
        let account_number = accounts / 4 + numbers.below(accounts - accounts / 4);
        let user = match numbers.below(2) {
            0 => format!("user:stranger-{}", numbers.below(1_000)),
            _ => format!("user:user-{}", self.outsider(account_number, numbers)),
        };
        self.get(account_number, user, numbers.below(1_000))
    }

    /// A user whose own account is none of those above this one.
    fn outsider(&self, account_number: usize, numbers: &mut Numbers) -> usize {
        loop {
            let user = numbers.below(self.accounts());
            let mut at = account_number;
            let mut above = false;
            while at > 0 {
                above |= at == user;
                at = self.parents.get(at).copied().unwrap_or(0);
            }
            if !above && user > 0 {
                return user;
            }
        }
    }

    /// A question that the owner of an account above asks.
    pub fn allowed(&self, numbers: &mut Numbers) -> CheckRequest {
        let account_number = numbers.below(self.accounts());
        let up = self.parents.get(account_number).copied().unwrap_or(0);
        let owner = if numbers.below(2) == 0 { account_number } else { up };
        self.get(account_number, format!("user:user-{owner}"), numbers.below(1_000))
    }

    /// A role and its assignee.
    pub fn direct(&self, numbers: &mut Numbers) -> CheckRequest {
        let number = numbers.below(self.accounts());
        let request = CheckRequest::new(role(number, "owner"), "assignee", format!("user:user-{number}"));
        CheckRequest { explain: Explain::DecisionOnly, ..request }
    }
}

/// A question without grounds.
trait DecisionOnly {
    fn decision_only(self) -> Self;
}

impl DecisionOnly for CheckRequest {
    fn decision_only(mut self) -> Self {
        self.explain = Explain::DecisionOnly;
        self
    }
}
