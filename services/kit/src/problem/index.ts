export {
  AppError,
  kitProblems,
  ValidationError,
  type KitProblemCode,
  type ProblemKind,
} from './problem';
