/** What the completion of a request means: its value, or the reason of its failure. Nothing else decides that. */
import { SystemError } from '../checks/system-error.js';
import { ECANCELED, ENOENT, ETIME } from '../constants/generated/linux.js';
import type { Request, RequestDetails } from './engine/request.js';

/**
 * Negative results that are no failure: a timeout whose time is up, which is what it is for, and a link timeout that
 * was not needed.
 */
const successes: Readonly<Record<string, readonly number[]>> = {
  timeout: [-ETIME],
  link_timeout: [-ECANCELED, -ENOENT],
};

/** Whether a `res` means that the operation succeeded. */
export const isSuccess = (operation: string, res: number): boolean =>
  res >= 0 || successes[operation]?.includes(res) === true;

/** The value of a timeout: whether its time is up, rather than its count of completions reached. */
export const isTimeUp = (res: number): boolean => res === -ETIME;

/** The value of a request whose `res` says nothing. */
export const nothing = (): undefined => undefined;

/** Why a request failed: the reason of the signal that cancelled it, or the error of its `res`. */
export function failure({ name, fd, details }: Request, res: number): unknown {
  if (details === undefined) return new SystemError(res, name, fd < 0 ? undefined : { fd });
  const { signal, scratch, callSite } = details;
  if (res === -ECANCELED && signal?.aborted) return signal.reason;
  const error = new SystemError(res, name, { path: scratch?.path, dest: scratch?.dest, fd: fd < 0 ? undefined : fd });
  if (callSite?.stack !== undefined) {
    error.stack = `${error.name}: ${error.message}${callSite.stack.slice(callSite.stack.indexOf('\n'))}`;
  }
  return error;
}

/** Settles a request that has details by its last CQE. */
function settle(request: Request, details: RequestDetails, res: number, flags: number): void {
  const { handle, buffers, convert } = details;
  if (handle !== undefined) handle.result = res;
  if (!isSuccess(request.name, res) || (res === -ETIME && details.breaksChain)) {
    buffers?.unused(flags);
    request.settler.reject(failure(request, res));
    return;
  }
  try {
    request.settler.resolve(buffers ? buffers.received(res, flags) : convert ? convert(res) : res);
  } catch (error) {
    request.settler.reject(error);
  }
}

/**
 * Takes a completion of a request that is multishot, has details, or has more than one CQE.
 *
 * @param last - Whether it is the last one.
 */
export function completed(request: Request, res: number, flags: number, last: boolean): void {
  request.details ??= {};
  const { details } = request;
  if (details.sink !== undefined) details.sink.completed(res, flags, last);
  // a zero-copy send: the first CQE has its result, the last one says that its buffer is free
  else if (!last) details.firstRes = res;
  else settle(request, details, details.firstRes ?? res, flags);
}
