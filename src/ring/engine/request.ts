/** Requests: what a ring knows about each SQE whose last CQE has not come yet. */

/** Receives each completion of a multishot request. */
export interface CompletionSink {
  /** @param last - Whether no more completions will come. */
  completed(res: number, flags: number, last: boolean): void;
}

/** Provided buffers, as far as the outcome of a request that takes one of them needs them. */
export interface ProvidedBuffers {
  /** The buffer that a CQE names, with `length` bytes of data. */
  received(length: number, flags: number): unknown;
  /** Gives back the buffer that a CQE names, if it names one: it has no data. */
  unused(flags: number): void;
}

/** Memory that a request has borrowed: see ring/scratch.ts. */
export interface BorrowedMemory {
  /** The paths that the request was given. */
  readonly path?: string | undefined;
  readonly dest?: string | undefined;
  free(): void;
}

/** What most requests do not have. */
export interface RequestDetails {
  scratch?: BorrowedMemory | undefined;
  /** Makes the value of a request from its `res`. */
  convert?: ((res: number) => unknown) | undefined;
  buffers?: ProvidedBuffers | undefined;
  sink?: CompletionSink | undefined;
  /** Where the result is stored as well. */
  handle?: { result: number | undefined } | undefined;
  signal?: AbortSignal | undefined;
  onAbort?: (() => void) | undefined;
  /** The first `res` of a zero-copy send, whose buffer is in use until its second CQE. */
  firstRes?: number;
  /** A timeout whose time is up breaks its chain: it has no IORING_TIMEOUT_ETIME_SUCCESS. */
  breaksChain?: boolean;
  /** The stack of the call that made the request. */
  callSite?: { readonly stack?: string } | undefined;
}

/** What a request settles when it is over: a promise, or a member of a chain. */
export interface Settler {
  resolve(value: unknown): void;
  reject(reason: unknown): void;
  /** The promise that was given to the caller, by which the request can be cancelled. */
  readonly promise?: Promise<unknown>;
}

/** For requests whose outcome nobody waits for. */
export const nobody: Settler = { resolve() {}, reject() {} };
const noBuffers: readonly ArrayBufferView[] = [];

/** A request, or a record that waits to become one. */
export class Request {
  readonly index: number;
  /** Tells this request from earlier ones with the same index. */
  generation = 0;
  active = false;
  /** The operation, as errors name it. */
  name = '';
  /** The file descriptor that errors name; -1 if there is none. */
  fd = -1;
  settler: Settler = nobody;
  /** Foreign buffers that the kernel may use until the last CQE. */
  buffers: readonly ArrayBufferView[] = noBuffers;
  details: RequestDetails | undefined = undefined;

  constructor(index: number) {
    this.index = index;
  }

  /** Its user_data: the index in the lower half, the generation in the upper one. */
  get userData(): number {
    return this.generation * 0x100000000 + this.index;
  }
}

/** Generations are below this, so that a user_data is a safe integer. */
const GENERATIONS = 1 << 20;

/** The user_data of no request, of any ring. */
export const NO_REQUEST = (GENERATIONS + 1) * 0x100000000;

/** All requests of a ring, by index. */
export class Requests {
  readonly #all: Request[] = [];
  readonly #free: Request[] = [];
  /** How many are prepared or in flight. */
  count = 0;

  take(name: string): Request {
    let request = this.#free.pop();
    if (request === undefined) {
      request = new Request(this.#all.length);
      this.#all.push(request);
    }
    request.name = name;
    request.active = true;
    this.count++;
    return request;
  }

  give(request: Request): void {
    request.active = false;
    request.generation = (request.generation + 1) % GENERATIONS;
    request.fd = -1;
    request.settler = nobody;
    request.buffers = noBuffers;
    request.details = undefined;
    this.count--;
    this.#free.push(request);
  }

  /** The request that a CQE belongs to; undefined if that one is over. */
  find(index: number, generation: number): Request | undefined {
    const request = this.#all[index];
    return request?.active && request.generation === generation ? request : undefined;
  }

  /** The request in flight that this promise was returned for. */
  ofPromise(promise: Promise<unknown>): Request | undefined {
    return this.#all.find((request) => request.active && request.settler.promise === promise);
  }

  *[Symbol.iterator](): Iterator<Request> {
    for (const request of this.#all) if (request.active) yield request;
  }
}
