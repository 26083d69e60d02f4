import { AppError } from '@loan-buddy/kit';

/** There is no order of that id. */
export class OrderNotFoundError extends AppError {
  readonly code = 'order-not-found';

  constructor(id: string) {
    super(`There is no order ${id}.`);
  }
}

/** Somebody else's order: the caller is not told that there is one. */
export class OrderHiddenError extends OrderNotFoundError {
  override readonly denied = true;
}
