//! A tower layer that delays, fails and cuts, for tests and simulations.
//!
//! Rules are looked at in order; the first that matches and has a turn left acts. Chance comes from a seeded source, so a run repeats.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode, request};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use parking_lot::Mutex;
use tower::{BoxError, Layer, Service, ServiceExt as _};

use crate::Ids;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request is passed on after this long.
    Delay(Duration),
    /// The request is not passed on; a Kubernetes Status with this code is the answer.
    Status(u16),
    /// The request is not passed on; the connection breaks.
    Error,
    /// The request is passed on, its answer is lost: the write happened, the client does not know.
    LostAnswer,
    /// The answer's body breaks after this many frames.
    Cut(usize),
    /// The answer's body goes silent after this many frames: a half-open connection.
    Silence(usize),
}

type Matches = Arc<dyn Fn(&request::Parts) -> bool + Send + Sync>;

/// When a fault happens.
#[derive(Clone)]
pub struct FaultRule {
    fault: Fault,
    chance: f64,
    left: usize,
    matches: Matches,
}

impl FaultRule {
    /// Always, on every request.
    pub fn new(fault: Fault) -> Self {
        FaultRule { fault, chance: 1.0, left: usize::MAX, matches: Arc::new(|_| true) }
    }

    /// Only where the path with its query contains `text`; may be given more than once.
    #[must_use]
    pub fn path(self, text: &str) -> Self {
        let text = text.to_owned();
        self.when(move |parts| parts.uri.path_and_query().is_some_and(|path| path.as_str().contains(&text)))
    }

    /// Only where `f` says so; may be given more than once.
    #[must_use]
    pub fn when(mut self, f: impl Fn(&request::Parts) -> bool + Send + Sync + 'static) -> Self {
        let before = self.matches;
        self.matches = Arc::new(move |parts| before(parts) && f(parts));
        self
    }

    /// Only this many times.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.left = times;
        self
    }

    /// Only with this probability (0 to 1).
    #[must_use]
    pub fn chance(mut self, chance: f64) -> Self {
        self.chance = chance;
        self
    }
}

/// The rules, changeable while requests run. Clones share them.
#[derive(Clone)]
pub struct Faults {
    rules: Arc<Mutex<Vec<FaultRule>>>,
    ids: Ids,
}

impl Faults {
    /// No rule.
    pub fn new(ids: Ids) -> Self {
        Faults { rules: Arc::default(), ids }
    }

    /// Adds a rule behind the others.
    pub fn add(&self, rule: FaultRule) {
        self.rules.lock().push(rule);
    }

    /// Takes all rules away; bodies that are cut already stay so.
    pub fn clear(&self) {
        self.rules.lock().clear();
    }

    fn draw(&self, parts: &request::Parts) -> Option<Fault> {
        let mut rules = self.rules.lock();
        let rule = rules.iter_mut().find(|rule| {
            rule.left > 0
                && (rule.matches)(parts)
                && (rule.chance >= 1.0 || self.ids.fraction() < rule.chance)
        })?;
        rule.left -= 1;
        Some(rule.fault.clone())
    }
}

/// Puts [`Faults`] between a client and a service.
#[derive(Clone)]
pub struct FaultLayer(pub Faults);

impl<S> Layer<S> for FaultLayer {
    type Service = FaultService<S>;

    fn layer(&self, inner: S) -> FaultService<S> {
        FaultService { faults: self.0.clone(), inner }
    }
}

/// A service with [`Faults`] in front.
#[derive(Clone)]
pub struct FaultService<S> {
    faults: Faults,
    inner: S,
}

impl<S, A, B> Service<Request<A>> for FaultService<S>
where
    A: Send + 'static,
    S: Service<Request<A>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError> + Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<FaultBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<FaultBody>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let fault = self.faults.draw(&parts);
        let request = Request::from_parts(parts, body);
        let inner = self.inner.clone();
        Box::pin(async move {
            let mut end = None;
            match fault {
                Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
                Some(Fault::Status(code)) => return status(code),
                Some(Fault::Error) => return Err("injected fault: connection broken".into()),
                Some(Fault::LostAnswer) => {
                    let _ = inner.oneshot(request).await;
                    return Err("injected fault: answer lost".into());
                }
                Some(Fault::Cut(frames)) => end = Some((frames, Ending::Error)),
                Some(Fault::Silence(frames)) => end = Some((frames, Ending::Silence)),
                None => {}
            }
            let response = inner.oneshot(request).await.map_err(Into::into)?;
            Ok(response.map(|body| FaultBody { inner: body.map_err(Into::into).boxed_unsync(), end }))
        })
    }
}

fn status(code: u16) -> Result<Response<FaultBody>, BoxError> {
    let body = format!(
        r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"injected fault","reason":"InternalError","code":{code}}}"#
    );
    let inner = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(FaultBody { inner, end: None });
    *response.status_mut() = StatusCode::from_u16(code)?;
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    Ok(response)
}

#[derive(Clone, Copy)]
enum Ending {
    Error,
    Silence,
}

/// A body that may end early.
pub struct FaultBody {
    inner: UnsyncBoxBody<Bytes, BoxError>,
    end: Option<(usize, Ending)>,
}

impl Body for FaultBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.end {
            Some((0, Ending::Error)) => return Poll::Ready(Some(Err("injected fault: stream cut".into()))),
            // Nobody wakes the reader again: that is the point.
            Some((0, Ending::Silence)) => return Poll::Pending,
            _ => {}
        }
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let (Poll::Ready(Some(Ok(_))), Some((left, _))) = (&polled, &mut self.end) {
            *left -= 1;
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn echo() -> impl Service<
        Request<()>,
        Response = Response<Full<Bytes>>,
        Error = Infallible,
        Future = impl Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send,
    > + Clone
    + Send
    + 'static {
        tower::service_fn(|_: Request<()>| async { Ok(Response::new(Full::new(Bytes::from("hello")))) })
    }

    #[tokio::test(start_paused = true)]
    async fn rules_act_in_order_and_as_often_as_they_say() {
        let faults = Faults::new(Ids::seeded(1));
        faults.add(FaultRule::new(Fault::Status(503)).path("/a").times(1));
        faults.add(FaultRule::new(Fault::Cut(0)).path("/a").times(1));
        faults.add(FaultRule::new(Fault::Delay(Duration::from_secs(5))).path("/b"));
        let service = FaultLayer(faults.clone()).layer(echo());
        let ask = |path: &'static str| service.clone().oneshot(Request::get(path).body(()).unwrap());

        assert_eq!(ask("/a").await.unwrap().status(), 503);
        assert!(ask("/a").await.unwrap().into_body().collect().await.is_err());
        assert_eq!(ask("/a").await.unwrap().into_body().collect().await.unwrap().to_bytes(), "hello");
        let started = tokio::time::Instant::now();
        ask("/b").await.unwrap();
        assert_eq!(started.elapsed().as_secs(), 5);
        faults.clear();
        ask("/b").await.unwrap();
        assert_eq!(started.elapsed().as_secs(), 5);
    }
}
