"""DataLoaders: what the fields of one operation ask for by key is loaded in one batch per level.

Our own queue, not `promise.dataloader`: that one batches only while a promise job runs and otherwise sends
every load out by itself, silently. Here a load waits until the executor, with nothing else to complete,
dispatches it.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from types import NoneType
from typing import Any, ClassVar, Generic, Self, TypeVar

from promise import Promise

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
LoaderType = TypeVar("LoaderType", bound="Loader[Any, Any]")


class LoadOutsideExecution(RuntimeError):
    """A loader was asked for something while no operation is being executed: nobody would dispatch it."""


class Loader(Generic[Key, Value]):
    """Loads values by key for one operation: each key once, all keys of a level in one `batch_load`.

    A subclass is named after key and value (`ProviderById`) and says how a batch is loaded. It reads the
    actor and the time from `self.context`. `missing` makes the value of a key that the batch leaves out::

        class ReservationsByClientId(Loader[int, list[Reservation]]):
            missing = list

            def batch_load(self, keys): ...

        ReservationsByClientId.of(info.context).load(client.id).then(by_start)
    """

    missing: ClassVar[Callable[[], Any]] = NoneType

    def __init__(self, loaders: "Loaders") -> None:
        self.context = loaders.context
        self._loaders = loaders
        self._promises: dict[Key, Promise[Value]] = {}
        self._queue: dict[Key, Promise[Value]] = {}

    @classmethod
    def of(cls, context: Any) -> Self:
        """Return the operation's own instance; `context` is what resolvers know as `info.context`."""
        loaders: Loaders | None = getattr(context, "loaders", None)
        if loaders is None:
            raise LoadOutsideExecution(f"{cls.__name__} is asked for, but the context has no loaders.")
        return loaders.get(cls)

    def batch_load(self, keys: list[Key]) -> Mapping[Key, Value]:
        """Load the values of distinct keys.

        A key left out of the answer gets `missing()`. A value that is an exception fails its key alone; an
        exception raised here fails every key of the batch.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define batch_load.")

    def load(self, key: Key) -> "Promise[Value]":
        """Promise the value of a key. Raises: LoadOutsideExecution."""
        promise = self._promises.get(key)
        if promise is None:
            self._loaders.expect_dispatch(self)
            promise = self._promises[key] = self._queue[key] = Promise()
        return promise

    def load_many(self, keys: Iterable[Key]) -> "Promise[list[Value]]":
        """Promise the values of several keys, in their order; the first failure fails the whole."""
        return Promise.all([self.load(key) for key in keys])

    def clear_all(self) -> None:
        """Forget what was loaded, so that it is read again. What is queued still goes out."""
        self._promises.clear()

    def drop_queue(self) -> None:
        """Forget what was asked for but not sent out: nobody waits for it any more."""
        self._queue.clear()

    def dispatch(self) -> None:
        """Load everything that is queued and settle its promises."""
        queue, self._queue = self._queue, {}
        try:
            values = self.batch_load(list(queue))
            if not isinstance(values, Mapping):
                raise TypeError(f"{type(self).__name__}.batch_load gave no mapping of its keys: {values!r}")
        except Exception as error:
            for promise in queue.values():
                promise.do_reject(error)
            return
        for key, promise in queue.items():
            value = values[key] if key in values else type(self).missing()
            if isinstance(value, Exception):
                promise.do_reject(value)
            else:
                promise.do_resolve(value)


class Loaders:
    """The loaders of one operation. The executor makes it, dispatches it and closes it."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self._loaders: dict[type[Loader[Any, Any]], Loader[Any, Any]] = {}
        self._waiting: dict[Loader[Any, Any], None] = {}
        self._closed = False

    def get(self, loader_class: type[LoaderType]) -> LoaderType:
        """Return the operation's instance of a loader class."""
        loader = self._loaders.get(loader_class)
        if loader is None:
            loader = self._loaders[loader_class] = loader_class(self)
        return loader  # type: ignore[return-value]

    def expect_dispatch(self, loader: Loader[Any, Any]) -> None:
        """Note that a loader has something queued. Raises: LoadOutsideExecution."""
        if self._closed:
            raise LoadOutsideExecution(f"{type(loader).__name__} is asked to load after its operation ended.")
        self._waiting[loader] = None

    def dispatch(self) -> bool:
        """Send out one batch per loader with something queued; say whether there was any.

        What a batch's callbacks ask of a loader whose turn is still to come goes out with that turn.
        """
        turn = list(self._waiting)
        for loader in turn:
            self._waiting.pop(loader, None)
            loader.dispatch()
        return bool(turn)

    def clear_all(self) -> None:
        """Forget everything loaded and everything queued."""
        self._waiting.clear()
        for loader in self._loaders.values():
            loader.clear_all()
            loader.drop_queue()

    def close(self) -> None:
        """Refuse every later load, and let go of what was loaded."""
        self._closed = True
        self.clear_all()
        self._loaders.clear()
        self.context = None  # the context refers to its loaders: no cycle is left for the collector
